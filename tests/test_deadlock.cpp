#include <stdexcept>
#include <string>

#include "testing/loop_fixture.hpp"

namespace test_deadlock {

using treadle::Coro;
using treadle::DeadlockError;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<> wait_for(Task<>& task) { co_await task; }

TEST_CASE_METHOD(LoopFixture,
                 "Deadlock: run_until_complete says who waits for what instead of hanging",
                 "[deadlock]") {
  Task<> first, second;
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  CHECK_THROWS_AS(loop.run_until_complete(first), DeadlockError);
  CHECK_THROWS_WITH(loop.run_until_complete(first),
                    "Task-1 is not done, and nothing is left to run: Task-1 waits for Task-2, "
                    "Task-2 waits for Task-1");
}

TEST_CASE_METHOD(LoopFixture, "Deadlock: run_forever says who waits for what instead of hanging",
                 "[deadlock]") {
  Task<> first, second;
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  CHECK_THROWS_AS(loop.run_forever(), DeadlockError);
  CHECK_THROWS_WITH(loop.run_forever(),
                    "nothing is left to run, and tasks still wait: Task-1 waits for Task-2, Task-2 "
                    "waits for Task-1");
}

TEST_CASE_METHOD(LoopFixture, "Deadlock: it is said only when nothing else can run", "[deadlock]") {
  Task<> first, second;
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  spawn("c", [this]() -> Coro<> {
    for (int i = 0; i < 3; ++i) co_await yield_now();
    note("c ends");
  });
  CHECK_THROWS_AS(loop.run_forever(), DeadlockError);
  CHECK(trace == Trace{"c ends"});
}

TEST_CASE_METHOD(LoopFixture, "Deadlock: tasks that are done are not listed", "[deadlock]") {
  Task<> first, second;
  const auto done = spawn("done", []() -> Coro<> { co_return; });
  // A loop may keep a failed task until its error has been retrieved.
  const auto failed = spawn("failed", []() -> Coro<> {
    throw std::runtime_error("as it should");
    co_return;
  });
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  CHECK_THROWS_WITH(loop.run_forever(), !ContainsSubstring("Task-1 waits") &&
                                            !ContainsSubstring("Task-2 waits") &&
                                            ContainsSubstring("Task-3 waits for Task-4"));
  CHECK_THROWS_WITH(failed.result(), "as it should");
}

TEST_CASE_METHOD(LoopFixture, "Deadlock: a task whose loop deadlocked goes on when a way is opened",
                 "[deadlock]") {
  // Not asyncio's trouble but ours: after the error the loop must still be whole.
  Task<> first, second;
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  CHECK_THROWS_AS(loop.run_forever(), DeadlockError);
  spawn("c", [this]() -> Coro<> {
    note("c");
    co_return;
  });
  CHECK_THROWS_AS(loop.run_forever(), DeadlockError);
  CHECK(trace == Trace{"c"});
}

TEST_CASE_METHOD(LoopFixture,
                 "Deadlock: run_until_complete whose task is done needs nothing left to run",
                 "[deadlock]") {
  const auto task = spawn("a", []() -> Coro<int> { co_return 1; });
  run_until_idle();
  CHECK(loop.run_until_complete(task) == 1);
}

}  // namespace test_deadlock
