// A loop is touched by one thread at a time: the one that has claimed it, to run it or to act on it. What acts on a loop may
// come back to it, and no thread waits for itself or in a circle.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/sleep.hpp"

namespace test_claim {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::Sleep;
using treadle::Suspension;
using treadle::TimeoutError;
using treadle::TreadlePromise;
using treadle::testing::comes_to_sleep;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::Thread;
using treadle::testing::Threads;

/// Calls a function when its wait is withdrawn, on the thread that acts on the loop.
class CallsWhenWithdrawn : public Suspension {
 public:
  explicit CallsWhenWithdrawn(std::function<void()> f) : f_(std::move(f)) {}
  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) noexcept {
    suspend(caller.promise());
  }
  void await_resume() const noexcept {}
  std::string waits_for() const override { return "a cancel"; }
  void withdraw() noexcept override { f_(); }

 private:
  std::function<void()> f_;
};

Coro<> calls_when_cancelled(std::function<void()> f) {
  CallsWhenWithdrawn wait(std::move(f));
  co_await wait;
}

Coro<> sleeps() { co_await Sleep(1h); }

/// A loop that no thread runs, with a task that waits for its cancel and then calls `f`.
AnyTask waits(EventLoop& loop, std::function<void()> f) {
  const AnyTask task = loop.create_task(calls_when_cancelled(std::move(f)));
  loop.run_until_idle();
  return task;
}

// ---- One thread

TEST_CASE("Claim: a cancel that goes from one loop to another and back does not wait for itself",
          "[claim]") {
  EventLoop a, b;
  const AnyTask leaf = a.create_task(sleeps());
  const AnyTask middle = waits(b, [&] { leaf.cancel(); });
  const AnyTask top = waits(a, [&] { middle.cancel(); });
  CHECK(top.cancel());
  a.run_until_idle();
  b.run_until_idle();
  CHECK(top.cancelled());
  CHECK(middle.cancelled());
  CHECK(leaf.cancelled());
}

TEST_CASE("Claim: what acts on a loop may ask all of the loops on the way", "[claim]") {
  EventLoop a, b;
  const AnyTask sleeper = a.create_task(sleeps());
  std::string heard;
  const AnyTask inner = waits(b, [&] { heard = sleeper.waits_for(); });
  const AnyTask outer = waits(a, [&] { inner.cancel(); });
  outer.cancel();
  CHECK(heard == "sleep of 3600s");
}

TEST_CASE("Claim: what acts on a loop cannot run or close it, and hears so", "[claim]") {
  EventLoop loop, other;
  int refused = 0;
  const auto expect = [&](auto f) {
    try {
      f();
    } catch (const InvalidStateError&) {
      ++refused;
    }
  };
  const AnyTask task = waits(loop, [&] {
    expect([&] { loop.run_until_idle(); });
    expect([&] { loop.run_forever(); });
    expect([&] { loop.close(); });
    expect([&] { other.run_until_idle(); });
  });
  task.cancel();
  CHECK(refused == 4);
  loop.run_until_idle();
  CHECK(task.cancelled());
}

/// Asks a task something as it is destroyed.
class AsksAtItsEnd {
 public:
  AsksAtItsEnd(AnyTask task, std::string& heard) : task_(std::move(task)), heard_(&heard) {}
  AsksAtItsEnd(AsksAtItsEnd&&) = default;
  ~AsksAtItsEnd() {
    if (task_) *heard_ = task_.waits_for();
  }

 private:
  AnyTask task_;
  std::string* heard_;
};

Coro<> holds(AsksAtItsEnd) { co_return; }

Coro<> closes_a_loop(AnyTask sleeper, std::string& heard) {
  co_await treadle::yield_now();
  EventLoop inner;
  inner.create_task(holds(AsksAtItsEnd(std::move(sleeper), heard)));
}

TEST_CASE_METHOD(LoopFixture, "Claim: what a task closes in a loop may ask the task's own loop",
                 "[claim]") {
  std::string heard;
  const AnyTask sleeper = loop.create_task(sleeps());
  loop.run_until_complete(closes_a_loop(sleeper, heard));
  CHECK(heard == "sleep of 3600s");
}

TEST_CASE_METHOD(LoopFixture, "Claim: a task that has closed another loop is still in its own",
                 "[claim]") {
  const auto task = [](EventLoop& own) -> Coro<bool> {
    { EventLoop inner; }
    co_return static_cast<bool>(own.current_task());
  };
  CHECK(loop.run_until_complete(task(loop)));
}

// ---- Two threads

TEST_CASE("Claim: another thread may post to a loop that one acts on, and is not held up",
          "[claim][real-time]") {
  EventLoop loop;
  int called = 0;
  AnyTask made;
  const AnyTask sleeper = loop.create_task(sleeps());
  const AnyTask task = waits(loop, [&] {
    in_thread([&] {
      loop.call_soon([&] { ++called; });
      made = loop.create_task(sleeps());
      sleeper.cancel();
    });
  });
  task.cancel();
  loop.run_until_idle();
  CHECK(called == 1);
  CHECK(made.waits_for() == "sleep of 3600s");
  CHECK(sleeper.cancelled());
}

TEST_CASE("Claim: a question to a loop that another thread acts on is answered when that ends",
          "[claim][real-time]") {
  EventLoop loop;
  const AnyTask sleeper = loop.create_task(sleeps());
  std::string heard;
  std::unique_ptr<Thread> asks;
  bool asleep = false;
  const AnyTask task = waits(loop, [&] {
    asks = std::make_unique<Thread>([&] { heard = sleeper.waits_for(); });
    asleep = comes_to_sleep(asks->number());
  });
  task.cancel();
  asks->join();  // no thread runs the loop any more
  CHECK(asleep);
  CHECK(heard == "sleep of 3600s");
}

TEST_CASE("Claim: to run a loop waits until another thread has acted on it", "[claim][real-time]") {
  EventLoop loop;
  std::unique_ptr<Thread> runs;
  bool ran = false, ran_too_soon = true, asleep = false;
  const AnyTask task = waits(loop, [&] {
    loop.call_soon([&] { ran = true; });
    runs = std::make_unique<Thread>([&] { loop.run_until_idle(); });
    asleep = comes_to_sleep(runs->number());
    ran_too_soon = ran;
  });
  task.cancel();
  runs->join();
  CHECK(asleep);
  CHECK_FALSE(ran_too_soon);
  CHECK(ran);
}

TEST_CASE("Claim: a loop is destroyed when another thread has acted on it", "[claim][real-time]") {
  auto loop = std::make_unique<EventLoop>();
  const AnyTask sleeper = loop->create_task(sleeps());
  std::unique_ptr<Thread> destroys;
  bool asleep = false, there = false;
  const AnyTask task = waits(*loop, [&] {
    destroys = std::make_unique<Thread>([&] { loop.reset(); });
    asleep = comes_to_sleep(destroys->number());
    there = sleeper.waits_for() == "sleep of 3600s";
  });
  task.cancel();
  destroys->join();
  CHECK(asleep);
  CHECK(there);
  CHECK(sleeper.cancelled());
}

TEST_CASE(
    "Claim: two threads that act on two loops crosswise get through, and nothing is forgotten",
    "[claim][real-time]") {
  for (int round = 0; round < 50; ++round) {
    EventLoop a, b;
    const AnyTask last_a = a.create_task(sleeps()), last_b = b.create_task(sleeps());
    const AnyTask from_a = waits(a, [&] { last_b.cancel(); });
    const AnyTask from_b = waits(b, [&] { last_a.cancel(); });
    Threads threads;
    threads.start_together(2, [&](int i) { (i == 0 ? from_a : from_b).cancel(); });
    threads.join();
    a.run_until_idle();
    b.run_until_idle();
    REQUIRE(last_a.cancelled());
    REQUIRE(last_b.cancelled());
  }
}

TEST_CASE("Claim: many threads that act on a loop at once lose nothing", "[claim][real-time]") {
  EventLoop loop;
  int sum = 0;  // only what has claimed the loop touches it
  Threads threads;
  threads.start_together(4, [&](int) {
    for (int i = 0; i < 200; ++i) loop.current_task(), loop.call_soon([&] { ++sum; });
  });
  threads.join();
  loop.run_until_idle();
  CHECK(sum == 800);
}

TEST_CASE("Claim: a question to a loop that does not end its step is given up, and never called",
          "[claim][real-time]") {
  EventLoop loop;
  std::atomic<int> stage = 0;
  const AnyTask task = loop.create_task(sleeps());
  loop.call_soon([&] {
    stage = 1;
    while (stage < 2) std::this_thread::yield();
  });
  Thread runs([&] { loop.run_until_idle(); });
  while (stage < 1) std::this_thread::yield();
  bool called = false;
  CHECK_THROWS_AS(task.block().inbox()->ask([&] { return called = true; }, 10ms), TimeoutError);
  stage = 2;
  runs.join();
  loop.run_until_idle();
  CHECK_FALSE(called);
}

TEST_CASE("Claim: a thread that acts on a loop does not wait for one that another thread runs",
          "[claim][real-time]") {
  EventLoop loop, other;
  std::atomic<int> stage = 0;
  const AnyTask sleeper = other.create_task(sleeps());
  other.call_soon([&] {
    stage = 1;
    while (stage < 2) std::this_thread::yield();
  });
  Thread runs([&] { other.run_until_idle(); });
  while (stage < 1) std::this_thread::yield();
  bool refused = false;
  const AnyTask task = waits(loop, [&] {
    try {
      sleeper.waits_for();
    } catch (const InvalidStateError&) {
      refused = true;
    }
  });
  task.cancel();
  stage = 2;
  CHECK(refused);
}

TEST_CASE("Claim: a loop that closes looks at the time within a turn, however many steps that has",
          "[claim][real-time]") {
  EventLoop loop;
  int steps = 0;
  const auto slow = [](int& count) -> Coro<> {
    ++count;
    std::this_thread::sleep_for(2ms);
    co_return;
  };
  const auto makes_many = [](EventLoop& own, int& count, auto make) -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const treadle::CancelledError&) {
      for (int i = 0; i < 100; ++i) own.create_task(make(count));
    }
  };
  loop.create_task(makes_many(loop, steps, slow));
  loop.run_until_idle();
  loop.close(4ms);
  CHECK(steps < 100);
}

}  // namespace test_claim
