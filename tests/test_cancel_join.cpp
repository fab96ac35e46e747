#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace test_cancel_join {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskState;
using treadle::yield_now;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

class CancelJoin : public LoopFixture {
 public:
  Coro<int> work(int value) {
    try {
      co_await Sleep(2s);
      note("the work is done");
    } catch (const CancelledError& cancelled) {
      note("the work is " + cancelled.message());
      throw;
    }
    co_return value;
  }

  /// Waits for `task` and says what came of it.
  Coro<> join(std::string name, Task<int> task) {
    try {
      const int value = co_await task;
      note(name + " has " + std::to_string(value));
    } catch (const CancelledError& cancelled) {
      note(name + " " + cancelled.message());
      throw;
    }
  }
};

TEST_CASE_METHOD(CancelJoin, "CancelJoin: cancelled, the waiter leaves and the work goes on",
                 "[cancel][join]") {
  const auto task = spawn("work", work(3));
  const auto waiter = spawn("a", join("a", task));
  run_until_idle();
  CHECK(waiter.waits_for() == "Task-1");
  waiter.cancel("no patience");
  run_until_idle();
  CHECK(trace == Trace{"a cancelled: no patience"});
  CHECK_FALSE(task.done());
  CHECK(task.cancelling() == 0);
  run_to_end();
  CHECK(trace == Trace{"a cancelled: no patience", "the work is done"});
  CHECK(task.result() == 3);
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: of several that wait, one leaves and the others stay",
                 "[cancel][join][fair]") {
  const auto task = spawn("work", work(3));
  std::vector<Task<>> waiters;
  for (const auto* name : {"a", "b", "c"}) waiters.push_back(spawn(name, join(name, task)));
  run_until_idle();
  waiters[1].cancel();
  run_to_end();
  CHECK(trace == Trace{"b cancelled", "the work is done", "a has 3", "c has 3"});
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: the end of a cancelled task reaches all that wait for it",
                 "[cancel][join]") {
  const auto task = spawn("work", work(3));
  std::vector<Task<>> waiters;
  for (const auto* name : {"a", "b"}) waiters.push_back(spawn(name, join(name, task)));
  run_until_idle();
  task.cancel("not needed");
  run_to_end();
  CHECK(trace == Trace{"the work is cancelled: not needed", "a cancelled: not needed",
                       "b cancelled: not needed"});
  for (const auto& waiter : waiters) {
    CHECK(waiter.cancelled());        // as by any error that came out of it
    CHECK(waiter.cancelling() == 0);  // but nobody has asked it to end
  }
  CHECK(errors.empty());
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: joined when it was cancelled already, it throws at once",
                 "[cancel][join]") {
  const auto task = spawn("work", work(3));
  task.cancel("early");
  run_until_idle();
  spawn("a", join("a", task));
  loop.call_soon([this] { note("next"); });
  loop.run_once();
  CHECK(trace == Trace{"a cancelled: early", "next"});
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: a waiter may catch it and go on", "[cancel][join]") {
  const auto task = spawn("work", work(3));
  const auto waiter = spawn("a", [&]() -> Coro<> {
    try {
      co_await task;
    } catch (const CancelledError&) {
      note("the work was cancelled, not I");
    }
    co_await Sleep(1s);
    note("goes on");
  });
  run_until_idle();
  task.cancel();
  run_to_end();
  CHECK(trace == Trace{"the work is cancelled", "the work was cancelled, not I", "goes on"});
  CHECK(waiter.state() == TaskState::kFinished);
}

TEST_CASE_METHOD(CancelJoin,
                 "CancelJoin: cancelled before the work ends in the same turn, it is cancelled",
                 "[cancel][join][turn]") {
  Task<> waiter;
  const auto task = spawn("work", [&]() -> Coro<int> {
    co_await yield_now();
    co_await yield_now();
    note("cancels");
    waiter.cancel("in the last step");
    co_return 3;  // wakes nobody: nobody waits any more
  });
  waiter = spawn("a", join("a", task));
  run_until_idle();
  CHECK(trace == Trace{"cancels", "a cancelled by Task-1: in the last step"});
  CHECK(task.result() == 3);
}

TEST_CASE_METHOD(CancelJoin,
                 "CancelJoin: woken first and cancelled in the same turn, it has the value",
                 "[cancel][join][turn]") {
  Task<> waiter;
  const auto task = spawn("work", [&]() -> Coro<int> {
    co_await yield_now();
    // Runs after this step, which ends the task and wakes the waiter; before the waiter.
    co_return 3;
  });
  waiter = spawn("a", [&]() -> Coro<> {
    const int value = co_await task;
    note("a has " + std::to_string(value));
    co_await Sleep(1s);
    note("not reached");
  });
  spawn("b", [&]() -> Coro<> {
    co_await yield_now();
    CHECK(task.done());
    CHECK(waiter.waits_for().empty());
    waiter.cancel();
  });
  run_to_end();
  CHECK(trace == Trace{"a has 3"});
  CHECK(waiter.cancelled());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(CancelJoin,
                 "CancelJoin: a value that can only be moved is not lost to a waiter that left",
                 "[cancel][join][lifetime]") {
  const auto task = spawn("work", []() -> Coro<std::unique_ptr<int>> {
    co_await Sleep(1s);
    co_return std::make_unique<int>(7);
  });
  const auto waiter = spawn("a", [own = Task<std::unique_ptr<int>>(task)]() mutable -> Coro<> {
    // Through a handle of its own, which would move the value out.
    auto value = co_await std::move(own);
  });
  run_until_idle();
  waiter.cancel();
  run_to_end();
  REQUIRE(task.done());
  CHECK(*task.result() == 7);
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: the waiter that left may wait again", "[cancel][join]") {
  const auto task = spawn("work", work(3));
  const auto waiter = spawn("a", [&]() -> Coro<> {
    int cancels = 0;
    for (;;) {
      try {
        const int value = co_await task;
        note(std::to_string(value) + " after " + std::to_string(cancels) + " cancels");
        co_return;
      } catch (const CancelledError&) {
        ++cancels;
      }
    }
  });
  for (int i = 0; i < 3; ++i) {
    run_until_idle();
    waiter.cancel();
  }
  run_to_end();
  CHECK(trace == Trace{"the work is done", "3 after 3 cancels"});
}

TEST_CASE_METHOD(CancelJoin,
                 "CancelJoin: an error that only a cancelled waiter would have seen is reported",
                 "[cancel][join][errors]") {
  {
    const auto task = spawn("work", []() -> Coro<int> {
      co_await Sleep(1s);
      throw std::runtime_error("no");
    });
    const auto waiter = spawn("a", join("a", task));
    run_until_idle();
    waiter.cancel();
    run_to_end();
  }
  CHECK(trace == Trace{"a cancelled"});
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: no"});
}

TEST_CASE_METHOD(CancelJoin,
                 "CancelJoin: cancelled with its last handle in the waiter, the work goes on",
                 "[cancel][join][lifetime]") {
  const auto waiter = spawn("a", [this]() -> Coro<> { co_await spawn("work", work(3)); });
  run_until_idle();
  waiter.cancel();
  run_to_end();
  CHECK(trace == Trace{"the work is done"});
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: a knot of tasks that wait for each other can be cut",
                 "[cancel][join][deadlock]") {
  Task<> first, second;
  const auto wait_for = [](Task<>& task) -> Coro<> { co_await task; };
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  run_until_idle();
  CHECK_THROWS_AS(loop.run_forever(), treadle::DeadlockError);
  first.cancel("cut");
  loop.run_forever();
  CHECK(first.cancelled());
  CHECK(second.cancelled());
}

TEST_CASE_METHOD(CancelJoin, "CancelJoin: the loop closes while it waits",
                 "[cancel][join][close]") {
  const auto task = spawn("work", work(3));
  const auto waiter = spawn("a", join("a", task));
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"the work is cancelled because the loop closes",
                       "a cancelled because the loop closes"});
  CHECK(task.cancelled());
  CHECK(waiter.cancelled());
  CHECK(errors.empty());
}

}  // namespace test_cancel_join
