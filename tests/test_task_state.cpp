#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace test_task_state {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::InvalidStateError;
using treadle::may_follow;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskState;
using treadle::yield_now;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

constexpr TaskState kAll[] = {TaskState::kPending,  TaskState::kRunning, TaskState::kSuspended,
                              TaskState::kFinished, TaskState::kFailed,  TaskState::kCancelled};

TEST_CASE("TaskState: each has a word", "[task][state]") {
  Trace words;
  for (const TaskState state : kAll) words.emplace_back(to_string(state));
  CHECK(words == Trace{"pending", "running", "suspended", "finished", "failed", "cancelled"});
}

TEST_CASE("TaskState: of all pairs these may follow one another, and no others", "[task][state]") {
  Trace allowed;
  for (const TaskState from : kAll)
    for (const TaskState to : kAll)
      if (may_follow(from, to))
        allowed.push_back(std::string(to_string(from)) + " > " + std::string(to_string(to)));
  CHECK(allowed == Trace{
                       "pending > running",      // the first step
                       "pending > cancelled",    // before the first step
                       "running > suspended",    // awaits
                       "running > finished",     // returns
                       "running > failed",       // throws
                       "running > cancelled",    // lets CancelledError out
                       "suspended > running",    // the next step
                       "suspended > cancelled",  // refused, and went with its loop
                   });
}

TEST_CASE_METHOD(LoopFixture, "TaskState: from the first step to a value", "[task][state]") {
  Task<int> task;
  const auto look = [&] { note(std::string(to_string(task.state()))); };
  task = spawn("a", [&]() -> Coro<int> {
    look();
    co_await yield_now();
    look();
    co_await Sleep(1s);
    look();
    co_return 1;
  });
  look();
  CHECK_FALSE(task.done());
  loop.run_once();
  look();  // yielded: ready, between two steps
  loop.run_once();
  look();  // asleep
  CHECK_FALSE(task.done());
  loop.run_once();
  look();
  CHECK(task.done());
  CHECK_FALSE(task.cancelled());
  CHECK(task.exception() == nullptr);
  CHECK(trace ==
        Trace{"pending", "running", "suspended", "running", "suspended", "running", "finished"});
}

TEST_CASE_METHOD(LoopFixture, "TaskState: a task that throws has failed", "[task][state]") {
  const auto task = spawn("a", []() -> Coro<int> {
    co_await yield_now();
    throw std::runtime_error("no");
  });
  run_until_idle();
  CHECK(task.state() == TaskState::kFailed);
  CHECK(task.done());
  CHECK_FALSE(task.cancelled());
  CHECK_THROWS_WITH(std::rethrow_exception(task.exception()), "no");
}

TEST_CASE_METHOD(LoopFixture, "TaskState: asking for the exception counts as having seen it",
                 "[task][state][errors]") {
  {
    const auto seen = spawn("a", []() -> Coro<> {
      co_await yield_now();
      throw std::runtime_error("seen");
    });
    const auto unseen = spawn("b", []() -> Coro<> {
      co_await yield_now();
      throw std::runtime_error("unseen");
    });
    run_until_idle();
    CHECK(seen.exception() != nullptr);
    CHECK(unseen.state() == TaskState::kFailed);  // that is no question for the error
  }
  CHECK(errors == Trace{"Task-2 failed and nobody awaited it: unseen"});
}

TEST_CASE_METHOD(LoopFixture, "TaskState: there is no exception to ask for before the end",
                 "[task][state]") {
  const auto task = spawn("a", []() -> Coro<> { co_await Sleep(1s); });
  CHECK_THROWS_AS(task.exception(), InvalidStateError);
  run_until_idle();
  CHECK_THROWS_AS(task.exception(), InvalidStateError);
  CHECK_THROWS_WITH(task.exception(), ContainsSubstring("Task-1"));
  run_to_end();
  CHECK(task.exception() == nullptr);
}

TEST_CASE_METHOD(LoopFixture, "TaskState: a cancelled task is asked for its exception and throws",
                 "[task][state][cancel]") {
  const auto task = spawn("a", []() -> Coro<> { co_await Sleep(1s); });
  run_until_idle();
  task.cancel("enough");
  CHECK(task.state() == TaskState::kSuspended);  // until it has heard
  CHECK_FALSE(task.done());
  run_until_idle();
  CHECK(task.state() == TaskState::kCancelled);
  CHECK_THROWS_AS(task.exception(), CancelledError);
}

TEST_CASE_METHOD(LoopFixture, "TaskState: others see a task that runs as running",
                 "[task][state]") {
  Task<> task;
  const auto look = [&]() -> Coro<> {
    note(std::string(to_string(task.state())));
    co_return;
  };
  task = spawn("a", [&]() -> Coro<> {
    co_await look();  // in the same task
    co_await yield_now();
  });
  spawn("b", look());  // in another
  run_until_idle();
  CHECK(trace == Trace{"running", "suspended"});
}

TEST_CASE_METHOD(LoopFixture, "TaskState: handles to nothing are equal, and to nothing else",
                 "[state][handle]") {
  const auto task = spawn("a", []() -> Coro<> { co_return; });
  const treadle::AnyTask same = task;
  CHECK(treadle::AnyTask() == treadle::AnyTask());
  CHECK_FALSE(treadle::AnyTask() == same);
  CHECK_FALSE(same == treadle::AnyTask());
  CHECK(same == treadle::AnyTask(task));
}

}  // namespace test_task_state
