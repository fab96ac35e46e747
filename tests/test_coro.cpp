#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "testing/loop_fixture.hpp"

namespace test_coro {

using treadle::Coro;
using treadle::EventLoop;
using treadle::get_running_loop;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<int> add(int a, int b) { co_return a + b; }

Coro<> fail(std::string why) {
  throw std::runtime_error(why);
  co_return;
}

TEST_CASE_METHOD(LoopFixture, "Coro: an await gives the callee's value", "[coro]") {
  CHECK(run([]() -> Coro<int> {
          const int five = co_await add(2, 3);
          co_return five + co_await add(1, 1);
        }) == 7);
}

TEST_CASE_METHOD(LoopFixture, "Coro: calling it runs nothing, awaiting it runs it", "[coro]") {
  auto callee = [this]() -> Coro<> {
    note("body");
    co_return;
  };
  run([&]() -> Coro<> {
    auto coro = callee();
    note("called");
    co_await std::move(coro);
    note("awaited");
  });
  CHECK(trace == Trace{"called", "body", "awaited"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: an await runs the callee at once and not by way of the loop",
                 "[coro]") {
  auto callee = [this]() -> Coro<> {
    note("callee");
    co_return;
  };
  spawn("a", [&]() -> Coro<> {
    note("a begins");
    co_await callee();
    note("a ends");
  });
  spawn("b", [&]() -> Coro<> {
    note("b");
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"a begins", "callee", "a ends", "b"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: the caller goes on where the callee that yielded has ended",
                 "[coro]") {
  auto callee = [this]() -> Coro<int> {
    note("callee before");
    co_await yield_now();
    note("callee after");
    co_return 1;
  };
  spawn("a", [&]() -> Coro<> {
    const int one = co_await callee();
    note("a has " + std::to_string(one));
  });
  spawn("b", [&]() -> Coro<> {
    note("b");
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"callee before", "b", "callee after", "a has 1"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: an error comes out of the await and can be caught there",
                 "[coro]") {
  run([this]() -> Coro<> {
    try {
      co_await fail("no");
    } catch (const std::runtime_error& error) {
      note(error.what());
    }
    co_await add(1, 1);
    note("goes on");
  });
  CHECK(trace == Trace{"no", "goes on"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: an error passes through the callers that do not catch it",
                 "[coro]") {
  auto middle = [this]() -> Coro<> {
    Counted local;
    co_await fail("deep");
    note("not reached");
  };
  auto outer = [&]() -> Coro<> { co_await middle(); };
  CHECK_THROWS_WITH(run(outer), "deep");
  CHECK(trace.empty());
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Coro: an error after a yield comes out of the await just the same",
                 "[coro]") {
  auto callee = []() -> Coro<int> {
    co_await yield_now();
    throw std::runtime_error("late");
  };
  run([&]() -> Coro<> {
    try {
      note(std::to_string(co_await callee()));
    } catch (const std::runtime_error& error) {
      note(error.what());
    }
  });
  CHECK(trace == Trace{"late"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: an object that is no std::exception is thrown like any other",
                 "[coro]") {
  auto callee = []() -> Coro<> {
    throw 42;
    co_return;
  };
  const int caught = run([&]() -> Coro<int> {
    int seen = 0;
    try {
      co_await callee();
    } catch (int number) {
      seen = number;
    }
    co_return seen;
  });
  CHECK(caught == 42);
}

// ---- What it can return

TEST_CASE_METHOD(LoopFixture, "Coro: a value that can only be moved comes out of the await",
                 "[coro]") {
  auto callee = []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
  const auto five = run([&]() -> Coro<std::unique_ptr<int>> {
    auto pointer = co_await callee();
    co_return std::move(pointer);
  });
  REQUIRE(five);
  CHECK(*five == 5);
}

TEST_CASE_METHOD(LoopFixture, "Coro: a reference is the same object on both sides", "[coro]") {
  int target = 1;
  auto callee = [&]() -> Coro<int&> { co_return target; };
  int* seen = run([&]() -> Coro<int*> {
    int& reference = co_await callee();
    reference = 2;
    co_return &reference;
  });
  CHECK(seen == &target);
  CHECK(target == 2);
}

TEST_CASE_METHOD(LoopFixture, "Coro: a reference to const is the same object on both sides",
                 "[coro]") {
  const std::string target = "treadle";
  auto callee = [&]() -> Coro<const std::string&> { co_return target; };
  CHECK(run([&]() -> Coro<const std::string*> {
          const std::string& seen = co_await callee();
          co_return &seen;
        }) == &target);
}

TEST_CASE_METHOD(LoopFixture, "Coro: co_return converts like a return", "[coro]") {
  auto literal = []() -> Coro<std::string> { co_return "text"; };
  auto braces = []() -> Coro<std::vector<int>> { co_return {1, 2, 3}; };
  CHECK(run(literal) == "text");
  CHECK(run(braces) == std::vector{1, 2, 3});
}

TEST_CASE("Coro: co_return does not convert where a return would not", "[coro]") {
  CHECK(treadle::ResultFor<const char*, std::string>);
  CHECK_FALSE(treadle::ResultFor<int*, std::unique_ptr<int>>);  // who owns it must be said
  CHECK_FALSE(treadle::ResultFor<int, std::vector<int>>);
  CHECK_FALSE(treadle::ResultFor<int, int&>);
}

TEST_CASE_METHOD(LoopFixture, "Coro: a type without a default constructor can be returned",
                 "[coro]") {
  struct Point {
    explicit Point(int at) : x(at) {}
    int x;
  };
  CHECK(run([]() -> Coro<Point> { co_return Point(3); }).x == 3);
}

TEST_CASE_METHOD(LoopFixture, "Coro: a value is moved out of the callee and never copied",
                 "[coro]") {
  auto callee = []() -> Coro<Counted> { co_return Counted(7); };
  CHECK(run([&]() -> Coro<int> {
          const Counted value = co_await callee();
          co_return value.value();
        }) == 7);
  CHECK(Counted::copies() == 0);
  CHECK(Counted::live() == 0);
}

struct ThrowsWhenMade {
  ThrowsWhenMade(int) { throw std::runtime_error("cannot be made"); }
};

TEST_CASE_METHOD(LoopFixture, "Coro: a value whose construction throws becomes the error",
                 "[coro]") {
  auto callee = []() -> Coro<ThrowsWhenMade> { co_return 1; };
  CHECK_THROWS_WITH(run([&]() -> Coro<> { co_await callee(); }), "cannot be made");
}

struct ThrowsAtEnd {
  ~ThrowsAtEnd() noexcept(false) { throw std::runtime_error("at its end"); }
};

TEST_CASE_METHOD(LoopFixture, "Coro: an error of a local's destructor takes the place of the value",
                 "[coro]") {
  auto callee = []() -> Coro<int> {
    const ThrowsAtEnd local;
    co_return 1;
  };
  CHECK_THROWS_WITH(run(callee), "at its end");
}

// ---- Frames

TEST_CASE_METHOD(LoopFixture, "Coro: one that nobody awaits destroys its arguments and never runs",
                 "[coro][lifetime]") {
  AllocationCheck memory;
  {
    auto callee = [this](Counted) -> Coro<> {
      note("body");
      co_return;
    };
    {
      const auto coro = callee(Counted());
      CHECK(Counted::live() == 1);
    }
    CHECK(Counted::live() == 0);
  }
  CHECK(trace.empty());
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(LoopFixture,
                 "Coro: a moved one is still one coroutine, which its last owner destroys",
                 "[coro][lifetime]") {
  auto callee = [](Counted) -> Coro<> { co_return; };
  {
    auto first = callee(Counted());
    auto second = std::move(first);
    auto third = callee(Counted());
    CHECK(Counted::live() == 2);
    third = std::move(second);
    CHECK(Counted::live() == 1);
  }
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Coro: arguments and locals live until the await is over",
                 "[coro][lifetime]") {
  auto callee = [](Counted argument) -> Coro<int> {
    Counted local(argument.value() + 1);
    co_await yield_now();
    co_return local.value();
  };
  run([&]() -> Coro<> {
    note(std::to_string(co_await callee(Counted(1))));
    note("live " + std::to_string(Counted::live()));
  });
  CHECK(trace == Trace{"2", "live 0"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: an argument is moved into the frame and never copied",
                 "[coro][lifetime]") {
  auto callee = [](Counted argument) -> Coro<int> { co_return argument.value(); };
  CHECK(loop.run_until_complete(callee(Counted(3))) == 3);
  CHECK(Counted::copies() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Coro: what the caller built before the await outlives the callee",
                 "[coro][lifetime]") {
  // The order in which an exception would unwind: innermost first.
  struct Says {
    LoopFixture& fixture;
    std::string name;
    ~Says() { fixture.note(name); }
  };
  auto inner = [this]() -> Coro<> {
    const Says local{*this, "inner"};
    co_await yield_now();
    throw std::runtime_error("out");
  };
  auto outer = [&]() -> Coro<> {
    const Says local{*this, "outer"};
    co_await inner();
  };
  CHECK_THROWS(run(outer));
  CHECK(trace == Trace{"inner", "outer"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: two that were made together are awaited in any order",
                 "[coro]") {
  auto callee = [this](std::string name) -> Coro<> {
    note(name);
    co_await yield_now();
  };
  run([&]() -> Coro<> {
    auto first = callee("first");
    auto second = callee("second");
    co_await std::move(second);
    co_await std::move(first);
  });
  CHECK(trace == Trace{"second", "first"});
}

TEST_CASE_METHOD(LoopFixture,
                 "Coro: it can await inside expressions, loops, conditions and handlers",
                 "[coro]") {
  auto inside = []() -> Coro<int> {
    int sum = 0;
    for (int i = 0; i < co_await add(1, 2); ++i) sum += co_await add(i, 10);
    const bool odd = co_await add(sum, 0) % 2 != 0;
    if (odd) sum += 100;
    bool failed = false;
    try {
      co_await fail("so");
    } catch (...) {
      failed = true;
    }
    if (failed) sum += 1000;
    co_return sum;
  };
  CHECK(run(inside) == 1133);
}

TEST_CASE_METHOD(LoopFixture, "Coro: an over-aligned local stands where it must", "[coro]") {
  struct alignas(16) Block {
    std::array<char, 32> bytes{};
  };
  CHECK(run([]() -> Coro<bool> {
    Block block;
    co_await yield_now();
    co_return reinterpret_cast<std::uintptr_t>(&block) % alignof(Block) == 0;
  }));
}

// ---- What the types say

TEST_CASE("Coro: it can be moved and not copied", "[coro]") {
  CHECK(std::is_nothrow_move_constructible_v<Coro<int>>);
  CHECK(std::is_nothrow_move_assignable_v<Coro<int>>);
  CHECK_FALSE(std::is_copy_constructible_v<Coro<int>>);
  CHECK_FALSE(std::is_copy_assignable_v<Coro<int>>);
}

TEST_CASE_METHOD(LoopFixture, "Coro: get_running_loop gives the loop that runs it, without a turn",
                 "[coro]") {
  spawn("a", [this]() -> Coro<> {
    EventLoop& here = co_await get_running_loop();
    note(&here == &loop ? "this loop" : "another loop");
  });
  spawn("b", [this]() -> Coro<> {
    note("b");
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"this loop", "b"});
}

TEST_CASE_METHOD(LoopFixture, "Coro: a chain of coroutines knows its loop at every depth",
                 "[coro]") {
  auto inner = []() -> Coro<EventLoop*> {
    co_await yield_now();
    EventLoop& here = co_await get_running_loop();
    co_return &here;
  };
  CHECK(run([&]() -> Coro<EventLoop*> {
          co_await yield_now();
          co_return co_await inner();
        }) == &loop);
}

struct Ready {
  int value;
};

struct ReadyAwaiter {
  int value;
  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  int await_resume() const noexcept { return value; }
};

ReadyAwaiter operator co_await(Ready ready) noexcept { return {ready.value}; }

TEST_CASE_METHOD(LoopFixture, "Coro: an awaitable may give its awaiter by a free function",
                 "[coro]") {
  CHECK(run([]() -> Coro<int> {
          const int value = co_await Ready{3};
          co_return value;
        }) == 3);
}

}  // namespace test_coro
