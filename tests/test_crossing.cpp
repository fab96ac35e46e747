// Two threads that meet a loop at a bad moment, or the one thread that meets itself: nothing is lost, and nobody waits
// for himself.
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"

namespace test_crossing {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::run_in_thread;
using treadle::sleep_for;
using treadle::Suspension;
using treadle::Task;
using treadle::ThreadPool;
using treadle::TimerHandle;
using treadle::testing::comes_true;
using treadle::testing::in_thread;
using treadle::testing::is_asleep;
using treadle::testing::LoopFixture;
using treadle::testing::Thread;
using treadle::testing::Trace;

void wait_for(const std::atomic<int>& stage, int value) {
  while (stage < value) std::this_thread::yield();
}

Coro<int> fails() {
  throw std::runtime_error("broken");
  co_return 0;
}

// ---- The loop's last look before it sleeps

TEST_CASE("Crossing: a signal that another thread catches is heard by a loop that falls asleep",
          "[crossing][signals][real-time]") {
  EventLoop loop;
  std::atomic<int> stage = 0;
  ThreadPool pool(1);  // not the program's: a test that forks would have that without its threads
  const auto waits = [](ThreadPool& threads, std::atomic<int>& now) -> Coro<> {
    auto job = [&now] {
      wait_for(now, 1);
      std::raise(SIGINT);
      now = 2;
      comes_true([&] { return now == 3; });
    };
    co_await run_in_thread(std::move(job), threads);
  };
  const Task<> task = loop.create_task(waits(pool, stage));
  loop.cancel_on_signal(SIGINT, task);
  // In the turn before the loop looks whether a thread is left, and sleeps without end.
  loop.call_soon([&] {
    stage = 1;
    wait_for(stage, 2);
  });
  loop.run_until_done(task);
  stage = 3;  // here, and not in a callback, for which there is no further turn
  CHECK(task.cancelled());
}

// ---- A loop that nobody runs

TEST_CASE_METHOD(LoopFixture,
                 "Crossing: what is dropped with a signal's handler may be a failed task",
                 "[crossing][signals]") {
  {
    const Task<int> task = loop.create_task(fails());
    loop.cancel_on_signal(SIGINT, task);
    run_until_idle();
  }
  CHECK(loop.remove_signal_handler(SIGINT));
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: broken"});
}

struct Because {
  Task<int> cause;
};

Coro<> fails_because_of_another() {
  const EventLoop* loop = &co_await treadle::get_running_loop();
  Task<int> child = const_cast<EventLoop*>(loop)->create_task(fails());
  try {
    co_await child;
  } catch (const std::runtime_error&) {
    throw Because{child};
  }
}

TEST_CASE_METHOD(LoopFixture, "Crossing: an error may carry the task that was its cause",
                 "[crossing]") {
  {
    const Task<> task = loop.create_task(fails_because_of_another());
    run_until_idle();
    CHECK_THROWS_AS(task.result(), Because);
  }
  CHECK(errors.empty());
}

// Cancelled, it cancels a child.
class AwaitChild : public Suspension {
 public:
  explicit AwaitChild(AnyTask child) : child_(std::move(child)) {}
  bool await_ready() const noexcept { return false; }
  template <treadle::TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) noexcept {
    suspend(caller.promise());
  }
  void await_resume() const noexcept {}
  std::string waits_for() const override { return "a child"; }
  void withdraw() noexcept override { child_.cancel("with its parent"); }

 private:
  AnyTask child_;
};

TEST_CASE_METHOD(LoopFixture, "Crossing: an awaiter may cancel others where it is withdrawn",
                 "[crossing][cancel]") {
  const auto sleeps = []() -> Coro<> { co_await sleep_for(1h); };
  const auto parent = [](AnyTask child) -> Coro<> { co_await AwaitChild(std::move(child)); };
  const AnyTask child = loop.create_task(sleeps());
  const AnyTask task = loop.create_task(parent(child));
  run_until_idle();
  CHECK(task.cancel());  // here and now: nobody runs the loop
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(child.cancelled());
}

// ---- Taken back before it came

TEST_CASE_METHOD(
    LoopFixture,
    "Crossing: a timer that is cancelled before the loop has heard of it is never armed",
    "[crossing][call_later][real-time]") {
  bool cancelled = false;
  loop.call_soon([&] {
    TimerHandle handle = in_thread([&] { return loop.call_later(1h, [] {}); });
    cancelled = handle.cancel();
  });
  const auto before = loop.time();
  loop.run_forever();
  CHECK(cancelled);
  CHECK(loop.time() - before < 1h);
}

TEST_CASE_METHOD(LoopFixture,
                 "Crossing: another thread takes its cancel back before the loop has heard it",
                 "[crossing][cancel][real-time]") {
  const auto sleeps = []() -> Coro<> { co_await sleep_for(1s); };
  const Task<> task = loop.create_task(sleeps());
  std::size_t asked = 0;
  std::size_t left = 1;
  loop.call_later(500ms, [&] {
    in_thread([&, copy = AnyTask(task)] {
      copy.cancel("no, wait");
      asked = copy.cancelling();
      left = copy.uncancel();
    });
  });
  loop.run_until_done(task);
  CHECK(asked == 1);
  CHECK(left == 0);
  CHECK_FALSE(task.cancelled());
  CHECK(task.cancelling() == 0);
}

TEST_CASE_METHOD(LoopFixture,
                 "Crossing: posted by its own thread, callbacks run in the order of the calls",
                 "[crossing]") {
  loop.call_soon([this] {
    loop.call_soon_threadsafe([this] { note("first"); });
    loop.call_soon([this] { note("second"); });
    loop.call_soon_threadsafe([this] { note("third"); });
  });
  run_until_idle();
  CHECK(trace == Trace{"first", "second", "third"});
}

// ---- The end of a loop, and of a pool

TEST_CASE(
    "Crossing: a task that a closing loop takes no more ends before anybody sees the loop closed",
    "[crossing][close][real-time]") {
  struct Slow {
    std::atomic<int>& stage;
    ~Slow() {
      stage = 3;
      wait_for(stage, 4);
    }
  };
  struct Local {
    std::atomic<int>& stage;
    ~Local() {
      stage = 1;
      wait_for(stage, 2);
    }
  };
  const auto refuses = [](std::atomic<int>& stage) -> Coro<> {
    const Local local{stage};
    for (;;) {
      try {
        co_await sleep_for(1h);
      } catch (const CancelledError&) {
        continue;
      }
    }
  };
  std::atomic<int> stage = 0;
  std::string end;
  std::atomic<bool> told = false;
  EventLoop loop;
  loop.set_exception_handler([](const treadle::ErrorContext&) {});
  loop.create_task(refuses(stage));
  loop.run_until_idle();
  Thread other([&] {
    wait_for(stage, 1);  // the loop destroys what it has
    loop.call_soon([slow = std::make_unique<Slow>(stage)] {});
    const auto never = []() -> Coro<int> { co_return 1; };
    const auto task = treadle::run_coroutine_threadsafe(loop, never());
    stage = 2;
    wait_for(stage, 3);  // the loop is closed, and destroys what came last
    Thread waits([&] {
      try {
        end = std::to_string(task.result());
      } catch (const CancelledError& error) {
        end = error.message();
      }
      told = true;
    });
    comes_true([&] { return told || is_asleep(waits.number()); });
    stage = 4;
  });
  loop.close(0s);
  other.join();
  CHECK(end == "cancelled because the loop closes");
}

TEST_CASE_METHOD(LoopFixture,
                 "Crossing: a job that nobody wants any more is not missed where its pool ends",
                 "[crossing][real-time]") {
  const auto job = [](ThreadPool& pool, std::atomic<int>& stage) -> Coro<> {
    co_await run_in_thread(
        [&stage] {
          stage = 1;
          wait_for(stage, 2);
        },
        pool);
  };
  auto pool = std::make_unique<ThreadPool>(1);
  std::atomic<int> stage = 0;
  const Task<> first = loop.create_task(job(*pool, stage));
  const Task<> second = loop.create_task(job(*pool, stage));
  loop.call_soon([&] { second.cancel(); });
  run_until_idle();
  wait_for(stage, 1);
  stage = 2;
  pool.reset();
  loop.run_until_done(first);
  run_until_idle();
  CHECK(second.cancelled());
  CHECK(errors.empty());
}

}  // namespace test_crossing
