#include <chrono>
#include <string>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace test_cancel_sleep {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Clock;
using treadle::Coro;
using treadle::Sleep;
using treadle::sleep_until;
using treadle::Task;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

class CancelSleep : public LoopFixture {
 public:
  void note_time(const std::string& what) {
    note(what + " at " + std::to_string(clock.elapsed() / 1s));
  }

  /// Sleeps twice, and says how each time ended.
  Coro<> sleep_twice(std::string name, Clock::duration first, Clock::duration second) {
    for (const auto delay : {first, second}) {
      try {
        co_await Sleep(delay);
        note_time(name + " slept");
      } catch (const CancelledError&) {
        note_time(name + " cancelled");
      }
    }
  }
};

TEST_CASE_METHOD(CancelSleep, "CancelSleep: cancelled asleep it wakes now, and the timer is gone",
                 "[cancel][sleep]") {
  const auto task = spawn("a", sleep_twice("a", 10s, 3s));
  loop.call_later(2s, [task] { task.cancel(); });
  run_to_end();
  CHECK(trace == Trace{"a cancelled at 2", "a slept at 5"});
  CHECK(clock.elapsed() == 5s);  // nobody waited for the ten seconds to be over
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: the timer leaves at once, before the task runs",
                 "[cancel][sleep]") {
  const auto task = spawn("a", sleep_twice("a", 1s, 1s));
  run_until_idle();
  task.cancel();
  // Were the timer still there it would wake a task that does not wait, which is checked.
  clock.advance(5s);
  loop.run_once();
  CHECK(trace == Trace{"a cancelled at 5"});
  run_to_end();
  CHECK(trace == Trace{"a cancelled at 5", "a slept at 6"});
}

TEST_CASE_METHOD(CancelSleep,
                 "CancelSleep: cancelled before its time comes in the same turn, it is cancelled",
                 "[cancel][sleep][turn]") {
  const auto task = spawn("a", sleep_twice("a", 2s, 1s));
  run_until_idle();
  clock.advance(2s);  // its time has come, and no turn has seen it
  task.cancel();
  run_to_end();
  CHECK(trace == Trace{"a cancelled at 2", "a slept at 3"});
}

TEST_CASE_METHOD(CancelSleep,
                 "CancelSleep: woken first and cancelled in the same turn, it has slept",
                 "[cancel][sleep][turn]") {
  Task<> task;
  // Armed before the sleep, so it runs before the sleeper; but both are ready by then.
  loop.call_at(loop.time() + 2s, [&] {
    note("cancel");
    CHECK(task.waits_for().empty());
    CHECK(task.cancel());
  });
  task = spawn("a", sleep_twice("a", 2s, 5s));
  run_to_end();
  // The sleep counts; the cancel is for the next wait, which does not begin.
  CHECK(trace == Trace{"cancel", "a slept at 2", "a cancelled at 2"});
  CHECK(clock.elapsed() == 2s);
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: woken and run first, the cancel meets the next sleep",
                 "[cancel][sleep][turn]") {
  const auto task = spawn("a", sleep_twice("a", 2s, 5s));
  run_until_idle();
  loop.call_at(loop.time() + 2s, [&] { task.cancel(); });  // armed after the sleep: runs after
  run_to_end();
  CHECK(trace == Trace{"a slept at 2", "a cancelled at 2"});
  CHECK(clock.elapsed() == 2s);
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: a sleep of zero can be cancelled", "[cancel][sleep]") {
  const auto task = spawn("a", sleep_twice("a", 0s, 0s));
  loop.run_once();
  task.cancel();
  run_to_end();
  CHECK(trace == Trace{"a cancelled at 0", "a slept at 0"});
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: a sleep until a moment can be cancelled",
                 "[cancel][sleep]") {
  const auto task = spawn("a", [this]() -> Coro<> { co_await sleep_until(loop.time() + 9s); });
  run_until_idle();
  task.cancel();
  run_to_end();
  CHECK(task.cancelled());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: the object can sleep again after a cancel",
                 "[cancel][sleep]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    Sleep second(2s);
    for (int i = 0; i < 2; ++i) {
      try {
        co_await second;
        note_time("slept");
      } catch (const CancelledError&) {
        note_time("cancelled");
      }
    }
  });
  loop.call_later(1s, [task] { task.cancel(); });
  run_to_end();
  CHECK(trace == Trace{"cancelled at 1", "slept at 3"});
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: others with the same deadline keep their order",
                 "[cancel][sleep][fair]") {
  std::vector<Task<>> tasks;
  for (const auto* name : {"a", "b", "c", "d", "e"})
    tasks.push_back(spawn(name, [this, name]() -> Coro<> {
      co_await Sleep(2s);
      note(name);
    }));
  run_until_idle();
  tasks[1].cancel();
  tasks[0].cancel();
  run_to_end();
  CHECK(trace == Trace{"c", "d", "e"});
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: the loop closes while it sleeps",
                 "[cancel][sleep][close]") {
  const auto task = spawn("a", sleep_twice("a", 10s, 0s));
  const auto forever = spawn("b", [this]() -> Coro<> {
    try {
      co_await Sleep(Clock::duration::max());
    } catch (const CancelledError& cancelled) {
      note("b " + cancelled.message());
      throw;
    }
  });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled at 0", "b cancelled because the loop closes", "a slept at 0"});
  CHECK_FALSE(task.cancelled());
  CHECK(forever.cancelled());
  CHECK(errors.empty());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(CancelSleep, "CancelSleep: a cancelled call_later is no task's affair",
                 "[cancel][call_later]") {
  auto handle = loop.call_later(1h, [this] { note("not reached"); });
  spawn("a", sleep_twice("a", 1s, 1s));
  run_until_idle();
  CHECK(handle.cancel());
  CHECK_FALSE(handle.cancel());
  run_to_end();
  CHECK(trace == Trace{"a slept at 1", "a slept at 2"});
  CHECK(clock.elapsed() == 2s);
}

}  // namespace test_cancel_sleep
