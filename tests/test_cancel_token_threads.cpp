#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/sleeper_fixture.hpp"
#include "testing/thread.hpp"
#include "testing/time_limit.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/sleep.hpp"

namespace test_cancel_token_threads {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::CancelOrigin;
using treadle::CancelToken;
using treadle::Coro;
using treadle::EventLoop;
using treadle::Sleep;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::comes_true;
using treadle::testing::in_child;
using treadle::testing::in_thread;
using treadle::testing::LoopInThread;
using treadle::testing::SleeperFixture;
using treadle::testing::Thread;
using treadle::testing::Trace;

/// A fixture with a loop that runs while another thread does something.
class Crossing : public SleeperFixture {
 public:
  /// Does `f()` on another thread in a turn of the loop, which waits for that.
  template <class F>
  void in_turn(F f) {
    loop.call_later(500ms, [f] { in_thread(f); });
  }
};

TEST_CASE_METHOD(Crossing,
                 "CancelTokenThreads: a request of another thread is told with its reason",
                 "[cancel][token][real-time]") {
  CancelToken token;
  const auto task = spawn("a", wait("a"));
  bool asked = false;
  std::size_t count = 0;
  in_turn([&] {
    asked = task.cancel(CancelledError("too slow", CancelOrigin::kCode, "a thread"), token);
    count = task.cancelling();
  });
  run_to_end();
  CHECK(asked);
  CHECK(count == 1);  // at once
  CHECK(token.delivered());
  CHECK(trace == Trace{"a cancelled by a thread: too slow"});
}

TEST_CASE_METHOD(
    Crossing,
    "CancelTokenThreads: a token that is destroyed before the loop has heard of it leaves nothing",
    "[cancel][token][uncancel][real-time]") {
  const auto task = spawn("a", wait("a"));
  std::size_t count = 1;
  in_turn([&] {
    {
      CancelToken token;
      task.cancel(CancelledError("no, wait"), token);
    }
    count = task.cancelling();
  });
  run_to_end();
  CHECK(count == 0);
  CHECK(trace == Trace{"a slept"});
}

TEST_CASE_METHOD(
    Crossing,
    "CancelTokenThreads: a token that is destroyed after the wait was withdrawn tells its reason",
    "[cancel][token][uncancel][real-time]") {
  std::optional<CancelToken> token(std::in_place);
  const auto task = spawn("a", wait("a"));
  loop.call_later(500ms, [&] {
    task.cancel(CancelledError("why"), *token);
    in_thread([&] { token.reset(); });
  });
  run_to_end();
  CHECK(task.cancelling() == 0);
  CHECK(trace == Trace{"a cancelled: why"});
}

TEST_CASE_METHOD(
    Crossing,
    "CancelTokenThreads: a request that was taken back has its reason until the loop has heard",
    "[cancel][token][uncancel][real-time]") {
  CancelToken token;
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel(CancelledError("why"), token);
    in_thread([&] { task.uncancel(token); });
    co_await yield_now();  // here the loop has not heard of it yet
    note("not reached");
  });
  run_to_end();
  // The thread's word reaches the loop in its next turn. Until then the request has a reason.
  CHECK(task.cancelled());
  CHECK(treadle::as_cancelled(task.block().error())->reason() == "why");
}

TEST_CASE_METHOD(
    Crossing, "CancelTokenThreads: of requests of several threads the oldest that is left is told",
    "[cancel][token][uncancel][real-time]") {
  CancelToken deadline;
  const auto task = spawn("a", wait("a"));
  in_turn([&] {
    task.cancel(CancelledError({}, CancelOrigin::kDeadline), deadline);
    task.block().cancel(CancelledError({}, CancelOrigin::kSignal, "SIGINT"));
    task.uncancel(deadline);
  });
  run_to_end();
  CHECK(trace == Trace{"a cancelled by SIGINT"});
  CHECK(task.cancelling() == 1);
}

TEST_CASE("CancelTokenThreads: a closed loop takes no request, and the token has none",
          "[cancel][token][close]") {
  CancelToken token;
  Task<> task;
  {
    EventLoop loop;
    task = loop.create_task([]() -> Coro<> { co_await Sleep(1h); }());
  }
  CHECK_FALSE(task.cancel(CancelledError("too late"), token));
  CHECK_FALSE(token.requested());
}

TEST_CASE("CancelTokenThreads: threads that cancel and take back leave the count as it was",
          "[cancel][token][uncancel][stress][real-time]") {
  constexpr int kThreads = 3;
  constexpr int kRounds = 300;
  LoopInThread other;
  std::atomic<bool> begun = false, over = false;
  std::atomic<int> heard = 0;
  const auto body = [](std::atomic<bool>& begins, std::atomic<bool>& ends,
                       std::atomic<int>& told) -> Coro<> {
    begins = true;  // a request that came before would be the end of the task
    while (!ends) {
      try {
        co_await Sleep(1ms);
      } catch (const CancelledError& cancelled) {
        if (cancelled.reason() == "a reason of a thread that is long enough for the heap") ++told;
      }
    }
  };
  const auto remote = treadle::run_coroutine_threadsafe(other.loop, body(begun, over, heard));
  const AnyTask task = remote;
  REQUIRE(comes_true([&] { return begun.load(); }));
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.push_back(std::make_unique<Thread>([&task, thread] {
        for (int round = 0; round < kRounds; ++round) {
          CancelToken token;
          const CancelledError request("a reason of a thread that is long enough for the heap");
          task.cancel(request, token);
          if (thread == 0) task.block().cancel(request);
          if (round % 2 == 0) std::this_thread::yield();
          if (thread == 0) task.uncancel();
          if (round % 3 == 0) task.uncancel(token);
        }
      }));
    }
  }
  CHECK(task.cancelling() == 0);
  over = true;
  task.cancel(std::string("so that it looks"));
  remote.result();
}

TEST_CASE("CancelTokenThreads: a child of fork(2) can cancel",
          "[cancel][token][process][real-time]") {
  std::atomic<bool> over = false;
  Thread busy([&] {
    while (!over) {
      CancelToken token;
      static_cast<void>(token.requested());  // holds the mutex most of the time
    }
  });
  for (int i = 0; i < 20; ++i) {
    const auto ending = in_child([] {
      EventLoop loop;
      CancelToken token;
      const auto task = loop.create_task([]() -> Coro<> { co_await Sleep(1h); }());
      loop.run_until_idle();
      task.cancel(CancelledError("in the child"), token);
      loop.run_until_idle();
      std::_Exit(task.cancelled() ? 0 : 1);
    });
    CHECK(ending.exit_code == 0);
  }
  over = true;
}

}  // namespace test_cancel_token_threads
