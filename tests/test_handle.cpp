// Handles whose callback is taken back from any thread: exactly one has it, the loop or who cancels.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"

namespace test_handle {

using namespace std::chrono_literals;
using treadle::EventLoop;
using treadle::Handle;
using treadle::TimerHandle;
using treadle::testing::AllocationCheck;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::said_in_dying;
using treadle::testing::Threads;
using treadle::testing::Trace;

// ---- When

TEST_CASE_METHOD(
    LoopFixture,
    "Handle: cancelled before the turn, the callback does not run, and is gone at once",
    "[handle][cancel][real-time]") {
  Handle handle = loop.call_soon([this, counted = Counted()] { note("ran"); });
  CHECK_FALSE(handle.cancelled());
  CHECK(in_thread([&] { return handle.cancel(); }));
  CHECK(handle.cancelled());
  CHECK(Counted::live() == 0);
  run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE_METHOD(LoopFixture, "Handle: cancelled in the turn in which it is ready, it does not run",
                 "[handle][cancel][turn][real-time]") {
  std::optional<Handle> second;
  loop.call_soon([&] { in_thread([&] { note(second->cancel() ? "cancelled" : "too late"); }); });
  second = loop.call_soon([this, counted = Counted()] { note("second"); });
  loop.call_soon([this] { note("third"); });
  run_until_idle();
  CHECK(trace == Trace{"cancelled", "third"});
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(
    LoopFixture,
    "Handle: cancelled while it runs, the answer is no, at once, and it runs to its end",
    "[handle][cancel][real-time]") {
  std::optional<Handle> self;
  self = loop.call_soon([&] {
    // The other thread is waited for: were it made to wait for the callback, nobody would ever go on.
    note(in_thread([&] { return self->cancel(); }) ? "cancelled" : "too late");
    note(self->cancelled() ? "cancelled" : "not cancelled");
    note(self->cancel() ? "cancelled" : "too late");
  });
  run_until_idle();
  CHECK(trace == Trace{"too late", "not cancelled", "too late"});
}

TEST_CASE_METHOD(LoopFixture, "Handle: cancelled after it has run, the answer is no",
                 "[handle][cancel][real-time]") {
  Handle handle = loop.call_soon([this] { note("ran"); });
  run_until_idle();
  CHECK_FALSE(in_thread([&] { return handle.cancel(); }));
  CHECK_FALSE(handle.cancelled());
  CHECK(trace == Trace{"ran"});
}

TEST_CASE_METHOD(LoopFixture, "Handle: only the first of several cancels is told yes",
                 "[handle][cancel][real-time]") {
  for (int round = 0; round < 50; ++round) {
    const Handle handle = loop.call_soon([this] { note("ran"); });
    std::atomic<int> told_yes = 0;
    Threads threads;
    threads.start_together(4, [&](int) {
      Handle mine = handle;
      if (mine.cancel()) ++told_yes;
    });
    threads.join();
    REQUIRE(told_yes == 1);
  }
  run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE("Handle: it has run or was cancelled, never both and never neither",
          "[handle][cancel][thread][real-time]") {
  constexpr int kRounds = 3000;
  std::atomic<int> ran = 0, cancelled = 0;
  {
    LoopInThread other;
    Threads threads;
    threads.start_together(2, [&](int) {
      for (int i = 0; i < kRounds; ++i) {
        Handle handle = other.loop.call_soon([&ran, counted = Counted()] { ++ran; });
        if (i % 3 == 0) std::this_thread::yield();
        if (handle.cancel()) ++cancelled;
      }
    });
    threads.join();
    REQUIRE(comes_true([&] { return ran + cancelled == 2 * kRounds; }));
  }
  CHECK(ran + cancelled == 2 * kRounds);
  CHECK(Counted::live() == 0);
}

TEST_CASE("Handle: a callback may hold the handle to itself", "[handle][lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    for (const bool cancels : {true, false}) {
      auto slot = std::make_shared<std::optional<Handle>>();
      *slot = loop.call_soon([slot] {});
      if (cancels) {
        Handle handle = **slot;
        CHECK(handle.cancel());
      }
    }
    loop.run_until_idle();
  }
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(LoopFixture, "Handle: dropping it changes nothing", "[handle]") {
  {
    const Handle handle = loop.call_soon([this] { note("ran"); });
  }
  run_until_idle();
  CHECK(trace == Trace{"ran"});
}

TEST_CASE_METHOD(LoopFixture, "Handle: it may be to nothing, and then to a callback", "[handle]") {
  Handle handle;
  CHECK_FALSE(handle);
  handle = TimerHandle();
  CHECK_FALSE(handle);
  handle = loop.call_soon([this] { note("ran"); });
  CHECK(handle);
  const Handle copy = handle;
  handle = {};
  CHECK_FALSE(handle);
  CHECK(copy);
  run_until_idle();
  CHECK(trace == Trace{"ran"});
}

TEST_CASE("Handle: one that was moved from is asked for nothing", "[handle][check]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               Handle first = loop.call_soon([] {});
               const Handle second = std::move(first);
               first.cancel();
             }),
             ContainsSubstring("a Handle or a TimerHandle that is asked for something"));
}

// ---- After the loop

TEST_CASE("Handle: it outlives its loop, on another thread, and the answer is no",
          "[handle][lifetime][thread][real-time]") {
  Counted::reset();
  AllocationCheck memory;
  {
    std::optional<Handle> soon;
    std::optional<TimerHandle> later;
    {
      EventLoop loop;
      soon = loop.call_soon([counted = Counted()] {});
      later = loop.call_later(1h, [counted = Counted()] {});
    }
    CHECK(Counted::live() == 0);
    const bool any = in_thread([soon = std::move(*soon), later = std::move(*later)]() mutable {
      return soon.cancel() || later.cancel() || soon.cancelled() || later.cancelled();
    });
    CHECK_FALSE(any);
  }
  CHECK(memory.balanced());
}

// ---- Timers

TEST_CASE_METHOD(
    LoopFixture,
    "Handle: a timer cancelled from another thread leaves at once where nobody runs the loop",
    "[handle][cancel][call_later][real-time]") {
  TimerHandle handle = loop.call_later(1h, [this, counted = Counted()] { note("ran"); });
  CHECK(in_thread([&] { return handle.cancel(); }));
  CHECK(Counted::live() == 0);
  loop.run_forever();
  CHECK(clock.elapsed() == 0s);
  CHECK(trace.empty());
}

TEST_CASE_METHOD(
    LoopFixture,
    "Handle: a timer cancelled from another thread leaves in the next turn of a loop that runs",
    "[handle][cancel][call_later][real-time]") {
  TimerHandle handle = loop.call_later(1h, [this, counted = Counted()] { note("ran"); });
  loop.call_soon([&] {
    note(in_thread([&] { return handle.cancel(); }) ? "cancelled" : "too late");
    note(Counted::live() == 0 ? "destroyed" : "not destroyed");
  });
  loop.run_forever();
  CHECK(clock.elapsed() == 0s);
  CHECK(trace == Trace{"cancelled", "destroyed"});
}

TEST_CASE_METHOD(
    LoopFixture,
    "Handle: a timer that another thread made and the loop has not heard of is taken back as well",
    "[handle][cancel][call_later][real-time]") {
  loop.call_soon([&] {
    // What the other thread asks for lies in the inbox; the answer is here already.
    TimerHandle handle = in_thread(
        [&] { return loop.call_later(1h, [this, counted = Counted()] { note("ran"); }); });
    note(handle.cancel() ? "cancelled" : "too late");
  });
  loop.run_forever();
  CHECK(clock.elapsed() == 0s);
  CHECK(trace == Trace{"cancelled"});
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(
    LoopFixture,
    "Handle: a timer that is due and cancelled from another thread in that turn does not run",
    "[handle][cancel][call_later][turn][real-time]") {
  std::optional<TimerHandle> second;
  loop.call_later(
      1s, [&] { note(in_thread([&] { return second->cancel(); }) ? "cancelled" : "too late"); });
  second = loop.call_later(1s, [this, counted = Counted()] { note("second"); });
  loop.run_forever();
  CHECK(trace == Trace{"cancelled"});
  CHECK(Counted::live() == 0);
}

TEST_CASE("Handle: a timer has run or was cancelled, never both and never neither",
          "[handle][cancel][call_later][thread][real-time]") {
  constexpr int kRounds = 1000;
  std::atomic<int> ran = 0, cancelled = 0;
  {
    LoopInThread other;
    Threads threads;
    threads.start_together(2, [&](int) {
      for (int i = 0; i < kRounds; ++i) {
        TimerHandle handle =
            other.loop.call_later(i % 2 * 20us, [&ran, counted = Counted()] { ++ran; });
        if (i % 3 == 0) std::this_thread::yield();
        if (handle.cancel()) ++cancelled;
      }
    });
    threads.join();
    REQUIRE(comes_true([&] { return ran + cancelled == 2 * kRounds; }));
  }
  CHECK(ran + cancelled == 2 * kRounds);
  CHECK(Counted::live() == 0);
}

}  // namespace test_handle
