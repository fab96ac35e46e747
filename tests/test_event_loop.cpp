#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"

namespace test_event_loop {

using treadle::Coro;
using treadle::DeadlockError;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<int> give(int value) { co_return value; }

Coro<> steps(LoopFixture& fixture, std::string name, int count) {
  for (int i = 1; i <= count; ++i) {
    fixture.note(name + std::to_string(i));
    co_await yield_now();
  }
}

// ---- Turns

TEST_CASE_METHOD(LoopFixture, "EventLoop: tasks take turns in the order of their creation",
                 "[loop]") {
  for (const auto* name : {"a", "b", "c"}) spawn(name, steps(*this, name, 2));
  run_until_idle();
  CHECK(trace == Trace{"a1", "b1", "c1", "a2", "b2", "c2"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: what becomes ready in a turn runs in the next",
                 "[loop][turn]") {
  loop.call_soon([this] {
    note("a");
    loop.call_soon([this] { note("made by a"); });
    loop.stop();
  });
  loop.call_soon([this] { note("b"); });
  run_until_idle();
  CHECK(trace == Trace{"a", "b"});
  run_until_idle();
  CHECK(trace == Trace{"a", "b", "made by a"});
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: a task that yields without end keeps nobody else from running",
                 "[loop][fair]") {
  bool enough = false;
  spawn("greedy", [&]() -> Coro<> {
    while (!enough) co_await yield_now();
  });
  run([&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) co_await yield_now();
    enough = true;
  });
  run_until_idle();
  CHECK(enough);
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: yield_now lets everybody else who is ready run once",
                 "[loop]") {
  spawn("a", [this]() -> Coro<> {
    note("a before");
    co_await yield_now();
    note("a after");
  });
  for (int i = 0; i < 3; ++i) loop.call_soon([this, i] { note("callback " + std::to_string(i)); });
  run_until_idle();
  CHECK(trace == Trace{"a before", "callback 0", "callback 1", "callback 2", "a after"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: yielding allocates nothing", "[loop][cost]") {
  spawn("a", []() -> Coro<> {
    for (int i = 0; i < 1000; ++i) co_await yield_now();
  });
  AllocationCheck memory;
  run_until_idle();
  CHECK(memory.made() == 0);
}

// ---- call_soon

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: call_soon runs nothing itself, and keeps order with tasks",
                 "[loop][call_soon]") {
  loop.call_soon([this] { note("first"); });
  spawn("second", steps(*this, "second", 1));
  loop.call_soon([this] { note("third"); });
  CHECK(trace.empty());
  run_until_idle();
  CHECK(trace == Trace{"first", "second1", "third"});
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: a callback may be movable only, and is destroyed once it has run",
                 "[loop][call_soon]") {
  auto word = std::make_unique<std::string>("moved");
  loop.call_soon([this, word = std::move(word), counted = Counted()]() mutable { note(*word); });
  CHECK(Counted::live() == 1);
  run_until_idle();
  CHECK(trace == Trace{"moved"});
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: a plain function is a callback, too",
                 "[loop][call_soon]") {
  static int calls;
  calls = 0;
  struct Plain {
    static void function() { ++calls; }
  };
  loop.call_soon(&Plain::function);
  loop.call_soon(Plain::function);
  run_until_idle();
  CHECK(calls == 2);
}

// ---- run_until_complete

TEST_CASE_METHOD(LoopFixture, "EventLoop: run_until_complete gives the value", "[loop][run]") {
  CHECK(loop.run_until_complete(give(4)) == 4);
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: run_until_complete throws the error, and then it is not lost",
                 "[loop][run]") {
  CHECK_THROWS_WITH(run([]() -> Coro<int> {
                      co_await yield_now();
                      throw std::runtime_error("no");
                    }),
                    "no");
  CHECK(errors.empty());
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: run_until_complete takes a task that runs, and one that is done",
                 "[loop][run]") {
  const auto task = spawn("a", give(4));
  CHECK(loop.run_until_complete(task) == 4);
  CHECK(loop.run_until_complete(task) == 4);
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: run_until_complete returns when its task is done, not when all are",
                 "[loop][run]") {
  spawn("other", steps(*this, "other", 3));
  loop.run_until_complete(give(1));
  CHECK(trace == Trace{"other1"});
  run_until_idle();
  CHECK(trace == Trace{"other1", "other2", "other3"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: run_until_complete ends the turn in which its task ends",
                 "[loop][run]") {
  auto task = spawn("a", give(1));
  loop.call_soon([this] { note("ready in the same turn"); });
  loop.run_until_complete(task);
  CHECK(trace == Trace{"ready in the same turn"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: run_until_complete refuses a task of another loop",
                 "[loop][run]") {
  EventLoop other;
  const auto foreign = other.create_task(give(1));
  CHECK_THROWS_AS(loop.run_until_complete(foreign), InvalidStateError);
  CHECK_THROWS_WITH(loop.run_until_complete(foreign), ContainsSubstring("belongs to another loop"));
  CHECK_FALSE(loop.is_running());
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: it can be run again and again", "[loop][run]") {
  for (int i = 0; i < 3; ++i) CHECK(loop.run_until_complete(give(i)) == i);
  loop.run_forever();
  run_until_idle();
}

// ---- run_forever, run_until_idle, stop

TEST_CASE_METHOD(LoopFixture, "EventLoop: run_forever returns when nothing is left",
                 "[loop][run]") {
  loop.run_forever();
  spawn("a", steps(*this, "a", 2));
  loop.call_soon([this] { note("callback"); });
  loop.run_forever();
  CHECK(trace == Trace{"a1", "callback", "a2"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: stop lets the turn end, and what is ready stays",
                 "[loop][stop]") {
  spawn("a", [this]() -> Coro<> {
    note("a stops");
    loop.stop();
    co_await yield_now();
    note("a goes on");
  });
  spawn("b", steps(*this, "b", 1));
  loop.run_forever();
  CHECK(trace == Trace{"a stops", "b1"});
  CHECK_FALSE(loop.is_running());
  loop.run_forever();
  CHECK(trace == Trace{"a stops", "b1", "a goes on"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: stop before the run lets one turn run", "[loop][stop]") {
  spawn("a", steps(*this, "a", 3));
  loop.stop();
  loop.run_forever();
  CHECK(trace == Trace{"a1"});
  loop.stop();
  run_until_idle();
  CHECK(trace == Trace{"a1", "a2"});
  loop.run_forever();
  CHECK(trace == Trace{"a1", "a2", "a3"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: stop is forgotten when the run is over", "[loop][stop]") {
  loop.call_soon([this] { loop.stop(); });
  loop.run_forever();
  spawn("a", steps(*this, "a", 3));
  loop.run_forever();
  CHECK(trace == Trace{"a1", "a2", "a3"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: stop with nothing to do makes run_forever return",
                 "[loop][stop]") {
  loop.stop();
  loop.run_forever();
  loop.stop();
  loop.stop();
  loop.run_forever();
  CHECK_FALSE(loop.is_running());
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: run_until_complete that is stopped says so, and its task can go on",
                 "[loop][stop]") {
  const auto task = spawn("a", [this]() -> Coro<int> {
    loop.stop();
    co_await yield_now();
    co_return 5;
  });
  CHECK_THROWS_AS(loop.run_until_complete(task), InvalidStateError);
  CHECK(loop.run_until_complete(task) == 5);
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: stop in the turn in which the task ends is no error",
                 "[loop][stop]") {
  CHECK(run([this]() -> Coro<int> {
          loop.stop();
          co_return 5;
        }) == 5);
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: run_until_idle returns with tasks waiting",
                 "[loop][run]") {
  Task<> first, second;
  first = spawn("a", [&]() -> Coro<> { co_await second; });
  second = spawn("b", [&]() -> Coro<> { co_await first; });
  run_until_idle();
  CHECK_FALSE(first.done());
  CHECK_FALSE(second.done());
}

// ---- One loop a thread

TEST_CASE_METHOD(LoopFixture, "EventLoop: is_running is true inside a turn and false outside",
                 "[loop]") {
  CHECK_FALSE(loop.is_running());
  loop.call_soon([this] { note(loop.is_running() ? "running" : "not running"); });
  run_until_idle();
  CHECK(trace == Trace{"running"});
  CHECK_FALSE(loop.is_running());
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: running a loop inside itself is an error",
                 "[loop][nested]") {
  loop.call_soon([this] {
    CHECK_THROWS_AS(loop.run_forever(), InvalidStateError);
    CHECK_THROWS_AS(loop.run_until_idle(), InvalidStateError);
    CHECK_THROWS_AS(loop.run_until_complete(give(1)), InvalidStateError);
    CHECK_THROWS_WITH(loop.run_forever(), ContainsSubstring("this loop is running already"));
    note("still running " + std::to_string(loop.is_running()));
  });
  run_until_idle();
  CHECK(trace == Trace{"still running 1"});
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: a run that is refused runs nothing, then or later",
                 "[loop][nested]") {
  const auto noted = [this]() -> Coro<> {
    note("it ran");
    co_return;
  };
  EventLoop other;
  loop.call_soon([&] {
    CHECK_THROWS_AS(loop.run_until_complete(noted()), InvalidStateError);
    CHECK_THROWS_AS(other.run_until_complete(noted()), InvalidStateError);
  });
  run_until_idle();
  other.run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: running another loop inside a loop is an error",
                 "[loop][nested]") {
  EventLoop other;
  loop.call_soon([&] {
    CHECK_THROWS_AS(other.run_until_complete(give(1)), InvalidStateError);
    CHECK_THROWS_WITH(other.run_forever(), ContainsSubstring("another loop"));
    CHECK_FALSE(other.is_running());
  });
  run_until_idle();
  CHECK(other.run_until_complete(give(2)) == 2);  // no harm done
}

TEST_CASE_METHOD(LoopFixture,
                 "EventLoop: loops can run in turn on one thread, and side by side on two",
                 "[loop][real-time]") {
  EventLoop other;
  CHECK(loop.run_until_complete(give(1)) == 1);
  CHECK(other.run_until_complete(give(2)) == 2);
  int seen = 0;
  loop.call_soon([&] {
    in_thread([&] {
      EventLoop third;
      seen = third.run_until_complete(give(3));
    });
  });
  run_until_idle();
  CHECK(seen == 3);
}

TEST_CASE_METHOD(LoopFixture, "EventLoop: a run that ends with an error leaves a loop that runs",
                 "[loop]") {
  CHECK_THROWS_AS(run([]() -> Coro<> {
                    throw std::runtime_error("no");
                    co_return;
                  }),
                  std::runtime_error);
  Task<> self;
  self = spawn("waits for ever", [&]() -> Coro<> {
    auto child = loop.create_task([](Task<>& parent) -> Coro<> { co_await parent; }(self));
    co_await child;
  });
  CHECK_THROWS_AS(loop.run_until_complete(self), DeadlockError);
  CHECK_FALSE(loop.is_running());
  CHECK(loop.run_until_complete(give(3)) == 3);
}

TEST_CASE("EventLoop: a function that gives a Coro is no callback, as calling it would run nothing",
          "[loop][call_soon]") {
  const auto plain = [] {};
  const auto with_value = [] { return 1; };
  const auto coroutine = []() -> Coro<> { co_return; };
  CHECK(treadle::CallbackFunction<decltype(plain)>);
  CHECK(treadle::CallbackFunction<decltype(with_value)>);
  CHECK_FALSE(treadle::CallbackFunction<decltype(coroutine)>);
}

}  // namespace test_event_loop
