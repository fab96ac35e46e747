#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "testing/loop_fixture.hpp"

namespace test_task {

using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<int> give(int value) { co_return value; }

Coro<int> give_after(int yields, int value) {
  for (int i = 0; i < yields; ++i) co_await yield_now();
  co_return value;
}

Coro<int> fail_after(int yields, std::string why) {
  for (int i = 0; i < yields; ++i) co_await yield_now();
  throw std::runtime_error(why);
}

Coro<> await_and_note(LoopFixture& fixture, Task<int> task, std::string name) {
  try {
    const int value = co_await task;
    fixture.note(name + " has " + std::to_string(value));
  } catch (const std::exception& error) {
    fixture.note(name + " caught " + error.what());
  }
}

// ---- Beginning and end

TEST_CASE_METHOD(LoopFixture, "Task: it runs by itself once the loop runs", "[task]") {
  const auto task = spawn("a", give(3));
  CHECK_FALSE(task.done());
  run_until_idle();
  CHECK(task.done());
  CHECK(task.result() == 3);
}

TEST_CASE_METHOD(LoopFixture, "Task: create_task never runs the coroutine in the caller's turn",
                 "[task]") {
  spawn("parent", [this]() -> Coro<> {
    loop.create_task(await_and_note(*this, loop.create_task(give(1)), "child"));
    note("parent goes on");
    co_await yield_now();
    note("parent's next turn");
  });
  run_until_idle();
  CHECK(trace == Trace{"parent goes on", "child has 1", "parent's next turn"});
}

TEST_CASE_METHOD(LoopFixture, "Task: it is done only when its coroutine has returned", "[task]") {
  const auto task = spawn("a", give_after(2, 1));
  loop.stop();
  run_until_idle();
  CHECK_FALSE(task.done());
  loop.stop();
  run_until_idle();
  CHECK_FALSE(task.done());
  loop.stop();
  run_until_idle();
  CHECK(task.done());
}

TEST_CASE_METHOD(LoopFixture, "Task: ids count from one in the order of creation", "[task]") {
  const auto first = spawn("a", give(1));
  const auto second = spawn("b", give(1));
  CHECK(first.id() == 1);
  CHECK(second.id() == 2);
  CHECK(first.block().label() == "Task-1");
  run_until_idle();
  CHECK(spawn("c", give(1)).id() == 3);
}

// ---- The result

TEST_CASE_METHOD(LoopFixture,
                 "Task: asking for the result before the end is an error that names the task",
                 "[task]") {
  const auto task = spawn("a", give(1));
  CHECK_THROWS_AS(task.result(), InvalidStateError);
  CHECK_THROWS_WITH(task.result(), ContainsSubstring("Task-1") && ContainsSubstring("not done"));
  auto copy = task;
  CHECK_THROWS_AS(std::move(copy).take(), InvalidStateError);
}

TEST_CASE_METHOD(LoopFixture, "Task: the result can be read any number of times", "[task]") {
  const auto task = spawn("a", []() -> Coro<std::string> { co_return std::string(100, 'x'); });
  run_until_idle();
  CHECK(task.result() == std::string(100, 'x'));
  CHECK(task.result() == std::string(100, 'x'));
  CHECK(&task.result() == &task.result());
}

TEST_CASE_METHOD(LoopFixture, "Task: the result of one that failed throws its error every time",
                 "[task]") {
  const auto task = spawn("a", fail_after(0, "no"));
  run_until_idle();
  CHECK_THROWS_WITH(task.result(), "no");
  CHECK_THROWS_WITH(task.result(), "no");
  CHECK(errors.empty());
}

TEST_CASE_METHOD(LoopFixture, "Task: all copies of a handle see the same end", "[task]") {
  const auto task = spawn("a", give(3));
  const auto copy = task;
  run_until_idle();
  CHECK(copy.done());
  CHECK(copy.result() == 3);
  CHECK(&copy.result() == &task.result());
}

TEST_CASE_METHOD(LoopFixture, "Task: take moves the value out of the only handle", "[task]") {
  auto task =
      spawn("a", []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(4); });
  run_until_idle();
  const auto value = std::move(task).take();
  REQUIRE(value);
  CHECK(*value == 4);
  CHECK_FALSE(task);  // so nobody takes what is not there any more
}

TEST_CASE_METHOD(LoopFixture, "Task: take copies where others hold handles, and they keep theirs",
                 "[task]") {
  auto task = spawn("a", []() -> Coro<std::string> { co_return std::string(100, 'x'); });
  const auto other = task;
  run_until_idle();
  CHECK(std::move(task).take() == std::string(100, 'x'));
  CHECK(other.result() == std::string(100, 'x'));
}

TEST_CASE_METHOD(LoopFixture, "Task: take refuses to move what others still hold", "[task]") {
  auto task =
      spawn("a", []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(4); });
  const auto other = task;
  run_until_idle();
  CHECK_THROWS_AS(std::move(task).take(), InvalidStateError);
  CHECK(*other.result() == 4);
}

TEST_CASE_METHOD(LoopFixture, "Task: it gives references, and nothing", "[task]") {
  int target = 0;
  const auto reference = spawn("a", [&]() -> Coro<int&> { co_return target; });
  const auto nothing = spawn("b", []() -> Coro<> { co_return; });
  run_until_idle();
  CHECK(&reference.result() == &target);
  CHECK_NOTHROW(nothing.result());
  CHECK(std::is_void_v<decltype(nothing.result())>);
}

// ---- Awaiting

TEST_CASE_METHOD(LoopFixture, "Task: awaiting one that is done goes on at once", "[task]") {
  const auto task = spawn("a", give(1));
  run_until_idle();
  spawn("b", [&, task]() -> Coro<> {
    note("b has " + std::to_string(co_await task));
    note("b has " + std::to_string(co_await task));
  });
  spawn("c", [this]() -> Coro<> {
    note("c");
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"b has 1", "b has 1", "c"});
}

TEST_CASE_METHOD(LoopFixture, "Task: awaiting one that runs waits for its end", "[task]") {
  const auto task = spawn("a", give_after(2, 5));
  spawn("b", await_and_note(*this, task, "b"));
  run_until_idle();
  CHECK(trace == Trace{"b has 5"});
}

TEST_CASE_METHOD(LoopFixture, "Task: those that wait are resumed in the order in which they came",
                 "[task]") {
  const auto task = spawn("a", give_after(1, 5));
  for (const auto* name : {"b", "c", "d"}) spawn(name, await_and_note(*this, task, name));
  run_until_idle();
  CHECK(trace == Trace{"b has 5", "c has 5", "d has 5"});
}

TEST_CASE_METHOD(LoopFixture, "Task: those that wait are resumed in the turn after the end",
                 "[task]") {
  const auto task = spawn("a", [this]() -> Coro<int> {
    co_await yield_now();
    note("a ends");
    co_return 1;
  });
  spawn("b", await_and_note(*this, task, "b"));
  spawn("c", [this]() -> Coro<> {
    co_await yield_now();
    note("c in the turn of the end");
    co_await yield_now();
    note("c in the turn after");
  });
  run_until_idle();
  CHECK(trace == Trace{"a ends", "c in the turn of the end", "b has 1", "c in the turn after"});
}

TEST_CASE_METHOD(LoopFixture, "Task: an error reaches every awaiter", "[task][errors]") {
  const auto task = spawn("a", fail_after(1, "no"));
  for (const auto* name : {"b", "c"}) spawn(name, await_and_note(*this, task, name));
  run_until_idle();
  spawn("d", await_and_note(*this, task, "d"));  // and one that comes afterwards
  run_until_idle();
  CHECK(trace == Trace{"b caught no", "c caught no", "d caught no"});
  CHECK(errors.empty());
}

TEST_CASE_METHOD(LoopFixture,
                 "Task: awaiting one through a temporary handle gives a value of one's own",
                 "[task]") {
  CHECK(run([this]() -> Coro<int> {
          auto pointer = co_await loop.create_task([]() -> Coro<std::unique_ptr<int>> {
            co_await yield_now();
            co_return std::make_unique<int>(6);
          }());
          co_return *pointer;
        }) == 6);
}

TEST_CASE_METHOD(LoopFixture, "Task: awaiting one through a handle gives the value where it lies",
                 "[task]") {
  const auto task = spawn("a", []() -> Coro<Counted> { co_return Counted(7); });
  run([&]() -> Coro<> {
    const Counted& seen = co_await task;
    note(&seen == &task.result() ? "the same" : "another");
    note(std::to_string(seen.value()));
  });
  CHECK(trace == Trace{"the same", "7"});
  CHECK(Counted::copies() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Task: the handle may go while somebody waits through it",
                 "[task][lifetime]") {
  std::optional<Task<int>> task = spawn("a", give_after(2, 5));
  spawn("b", [&]() -> Coro<> {
    const int value = co_await *task;
    note(std::to_string(value));
  });
  loop.stop();
  run_until_idle();
  task.reset();
  run_until_idle();
  CHECK(trace == Trace{"5"});
}

TEST_CASE_METHOD(LoopFixture, "Task: one that waits for itself is told so", "[task]") {
  Task<> self;
  self = spawn("a", [&]() -> Coro<> {
    co_await yield_now();
    try {
      co_await self;
    } catch (const InvalidStateError& error) {
      note(error.what());
    }
  });
  run_until_idle();
  CHECK(trace == Trace{"Task-1 cannot wait for itself"});
}

TEST_CASE_METHOD(LoopFixture, "Task: awaiting one of another loop is an error while it is not done",
                 "[task]") {
  EventLoop other;
  const auto foreign = other.create_task(give(1));
  spawn("a", await_and_note(*this, foreign, "a"));
  run_until_idle();
  REQUIRE(trace.size() == 1);
  CHECK_THAT(trace[0], ContainsSubstring("a caught Task-1 belongs to another loop"));
  other.run_until_idle();
  trace.clear();
  spawn("b", await_and_note(*this, foreign, "b"));
  run_until_idle();
  CHECK(trace == Trace{"b has 1"});
}

TEST_CASE_METHOD(
    LoopFixture,
    "Task: one whose loop is gone before its end gives no value, and keeps nobody waiting",
    "[task]") {
  std::optional<EventLoop> other(std::in_place);
  const auto orphan = other->create_task(give(1));
  other.reset();
  CHECK_THROWS(orphan.result());
  const auto awaiter = spawn("a", await_and_note(*this, orphan, "a"));
  run_until_idle();
  CHECK(awaiter.done());
  for (const std::string& line : trace) CHECK_THAT(line, ContainsSubstring("its loop is gone"));
}

TEST_CASE_METHOD(LoopFixture, "Task: a task may await a task that awaits a task", "[task]") {
  CHECK(run([this]() -> Coro<int> {
          auto outer = loop.create_task([](EventLoop& here) -> Coro<int> {
            auto inner = here.create_task(give_after(3, 20));
            co_return 1 + co_await inner;
          }(loop));
          co_return 1 + co_await outer;
        }) == 22);
}

// ---- Handles

TEST_CASE_METHOD(LoopFixture, "Task: dropping all handles neither stops nor forgets it", "[task]") {
  spawn("a", [this]() -> Coro<> {
    co_await yield_now();
    note("ran to its end");
  });
  run_until_idle();
  CHECK(trace == Trace{"ran to its end"});
}

TEST_CASE_METHOD(LoopFixture, "Task: its frame goes at its end, its value with the last handle",
                 "[task][lifetime]") {
  auto body = [](Counted argument) -> Coro<Counted> {
    co_await yield_now();
    co_return Counted(argument.value());
  };
  std::optional<Task<Counted>> task = loop.create_task(body(Counted(1)));
  auto copy = task;
  CHECK(Counted::live() == 1);  // the argument
  run_until_idle();
  CHECK(Counted::live() == 1);  // the value
  task.reset();
  CHECK(Counted::live() == 1);
  copy.reset();
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Task: a handle to nothing says so, and can be assigned to",
                 "[task]") {
  Task<int> task;
  CHECK_FALSE(task);
  task = spawn("a", give(1));
  CHECK(task);
  run_until_idle();
  CHECK(task.result() == 1);
}

TEST_CASE_METHOD(LoopFixture, "Task: assigning a handle to itself keeps the task", "[task]") {
  auto task = spawn("a", give(1));
  auto& alias = task;
  task = alias;
  run_until_idle();
  CHECK(task.result() == 1);
}

TEST_CASE("Task: a handle is as small as a pointer", "[task]") {
  CHECK(sizeof(Task<int>) == sizeof(void*));
}

TEST_CASE_METHOD(LoopFixture, "Task: tasks wait without allocating", "[task][cost]") {
  const auto task = spawn("a", give_after(3, 1));
  for (int i = 0; i < 3; ++i) {
    spawn("b", [task]() -> Coro<> { co_await task; });
  }
  loop.stop();
  AllocationCheck memory;
  run_until_idle();  // all three begin to wait
  run_until_idle();  // and are woken
  CHECK(memory.made() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Task: what it waits for is said while it waits and only then",
                 "[task][diagnosis]") {
  const auto task = spawn("a", give_after(1, 1));
  const auto waiter = spawn("b", [task]() -> Coro<> { co_await task; });
  CHECK(waiter.block().waits_for().empty());
  loop.stop();
  run_until_idle();
  CHECK(waiter.block().waits_for() == "Task-1");
  run_until_idle();
  CHECK(waiter.done());
  CHECK(waiter.block().waits_for().empty());
}

struct MoveThrows {
  MoveThrows() = default;
  MoveThrows(const MoveThrows&) = default;
  MoveThrows(MoveThrows&&) {
    if (armed) throw std::runtime_error("cannot be moved");
  }
  static inline bool armed = false;
};

TEST_CASE_METHOD(LoopFixture,
                 "Task: a value that cannot be moved out of the frame becomes the error",
                 "[task][errors]") {
  const auto task = spawn("a", []() -> Coro<MoveThrows> {
    MoveThrows value;
    co_return static_cast<const MoveThrows&>(value);
  });
  MoveThrows::armed = true;
  run_until_idle();
  MoveThrows::armed = false;
  CHECK(task.done());
  CHECK_THROWS_WITH(task.result(), "cannot be moved");
}

TEST_CASE_METHOD(LoopFixture, "Task: the result of a handle that goes away is a value, not a view",
                 "[task][lifetime]") {
  auto task = spawn("a", []() -> Coro<std::string> { co_return "text"; });
  run_until_idle();
  static_assert(std::is_same_v<decltype(task.result()), const std::string&>);
  static_assert(std::is_same_v<decltype(std::move(task).result()), std::string>);
  CHECK(std::move(task).result() == "text");
}

}  // namespace test_task
