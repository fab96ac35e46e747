#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"

namespace test_call_later {

using namespace std::chrono_literals;
using treadle::Clock;
using treadle::EventLoop;
using treadle::TimerHandle;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::make_loop;
using treadle::testing::said_in_dying;
using treadle::testing::Trace;
using treadle::testing::VirtualClock;

class Callbacks : public LoopFixture {
 public:
  auto noting(std::string name) {
    return [this, name] { note(name + " at " + std::to_string(clock.elapsed() / 1s)); };
  }
};

// ---- When

TEST_CASE_METHOD(Callbacks, "CallLater: a callback runs once, at its time", "[call_later]") {
  loop.call_later(2s, noting("a"));
  loop.call_at(loop.time() + 1s, noting("b"));
  loop.run_forever();
  loop.run_forever();
  CHECK(trace == Trace{"b at 1", "a at 2"});
}

TEST_CASE_METHOD(Callbacks, "CallLater: it is never early", "[call_later]") {
  loop.call_later(2s, noting("a"));
  advance(2s - 1ns);
  CHECK(trace.empty());
  advance(1ns);
  CHECK(trace == Trace{"a at 2"});
}

TEST_CASE_METHOD(Callbacks, "CallLater: those due at the same time run in the order of the calls",
                 "[call_later][fair]") {
  Trace in_order;
  for (int i = 0; i < 20; ++i) {
    const auto name = "n" + std::to_string(i);
    if (i % 2 == 0)
      loop.call_later(1s, noting(name));
    else
      loop.call_at(loop.time() + 1s, noting(name));
    in_order.push_back(name + " at 1");
  }
  loop.run_forever();
  CHECK(trace == in_order);
}

TEST_CASE_METHOD(Callbacks,
                 "CallLater: zero and less, and a moment that has passed, mean the next turn",
                 "[call_later][turn]") {
  clock.advance(5s);
  loop.call_soon([this] {
    note("first turn");
    loop.call_soon([this] { note("second turn"); });
    loop.call_later(0s, noting("zero"));
    loop.call_later(-3s, noting("less"));
    loop.call_later(Clock::duration::min(), noting("least"));
  });
  run_until_idle();
  CHECK(trace == Trace{"first turn", "second turn", "zero at 5", "less at 5", "least at 5"});
  trace.clear();
  loop.call_at(loop.time(), noting("now"));
  loop.call_at(loop.time() - 3s, noting("past"));
  CHECK(trace.empty());
  run_until_idle();
  CHECK(trace == Trace{"past at 5", "now at 5"});
}

TEST_CASE_METHOD(Callbacks, "CallLater: a callback that calls itself again runs once a turn",
                 "[call_later][turn]") {
  std::function<void()> again = [&] {
    note("again");
    if (trace.size() < 5) loop.call_later(0s, again);
  };
  loop.call_later(0s, again);
  for (std::size_t turn = 1; turn <= 5; ++turn) {
    loop.stop();
    run_until_idle();
    CHECK(trace.size() == turn);
  }
}

TEST_CASE_METHOD(Callbacks, "CallLater: it keeps a loop running that has no task", "[call_later]") {
  loop.call_later(3s, noting("a"));
  loop.run_forever();
  CHECK(clock.elapsed() == 3s);
}

TEST_CASE_METHOD(Callbacks, "CallLater: the longest delay there is does not wrap around",
                 "[call_later]") {
  const auto handle = loop.call_later(Clock::duration::max(), noting("never"));
  CHECK(handle.when() == Clock::time_point::max());
  run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE_METHOD(Callbacks, "CallLater: a handle knows its deadline", "[call_later]") {
  const auto now = loop.time();
  CHECK(loop.call_later(2s, [] {}).when() == now + 2s);
  CHECK(loop.call_at(now + 3s, [] {}).when() == now + 3s);
  CHECK(loop.call_later(-2s, [] {}).when() == now);
}

TEST_CASE_METHOD(Callbacks, "CallLater: dropping the handle changes nothing", "[call_later]") {
  { const auto handle = loop.call_later(1s, noting("a")); }
  loop.run_forever();
  CHECK(trace == Trace{"a at 1"});
}

TEST_CASE_METHOD(Callbacks, "CallLater: what it throws goes to the exception handler",
                 "[call_later][errors]") {
  loop.call_later(1s, [counted = Counted()] { throw std::runtime_error("no"); });
  loop.call_later(1s, noting("next"));
  loop.run_forever();
  CHECK(errors == Trace{"a callback failed: no"});
  CHECK(trace == Trace{"next at 1"});
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Callbacks, "CallLater: a callback may be movable only", "[call_later]") {
  loop.call_later(1s,
                  [this, word = std::make_unique<std::string>("moved")]() mutable { note(*word); });
  loop.run_forever();
  CHECK(trace == Trace{"moved"});
}

// ---- Cancelling

TEST_CASE_METHOD(Callbacks, "CallLater: cancelled before it is due, it does not run",
                 "[call_later][cancel]") {
  auto a = loop.call_later(1s, noting("a"));
  loop.call_later(2s, noting("b"));
  CHECK_FALSE(a.cancelled());
  CHECK(a.cancel());
  CHECK(a.cancelled());
  CHECK_FALSE(a.cancel());
  loop.run_forever();
  CHECK(trace == Trace{"b at 2"});
}

TEST_CASE_METHOD(Callbacks, "CallLater: a cancelled one leaves nothing to wait for",
                 "[call_later][cancel]") {
  loop.call_later(1h, noting("a")).cancel();
  loop.run_forever();
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(Callbacks, "CallLater: cancelled, it destroys at once what it captured",
                 "[call_later][cancel][lifetime]") {
  auto handle = loop.call_later(1s, [counted = Counted()] {});
  CHECK(Counted::live() == 1);
  handle.cancel();
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(
    Callbacks, "CallLater: what it captured is destroyed when it has run, whoever holds the handle",
    "[call_later][lifetime]") {
  const auto handle = loop.call_later(1s, [counted = Counted()] {});
  loop.run_forever();
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Callbacks, "CallLater: cancelled in the turn in which it is due, it does not run",
                 "[call_later][cancel][turn]") {
  std::optional<TimerHandle> second;
  loop.call_later(1s, [&] { note(second->cancel() ? "cancelled" : "too late"); });
  second = loop.call_later(1s, [&, counted = Counted()] { note("second"); });
  loop.run_forever();
  CHECK(trace == Trace{"cancelled"});
  CHECK(second->cancelled());
  CHECK_FALSE(second->cancel());
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Callbacks, "CallLater: cancelled after it has run, the answer is no",
                 "[call_later][cancel]") {
  auto handle = loop.call_later(1s, noting("a"));
  loop.run_forever();
  CHECK_FALSE(handle.cancel());
  CHECK_FALSE(handle.cancelled());
  CHECK(trace == Trace{"a at 1"});
}

TEST_CASE_METHOD(Callbacks,
                 "CallLater: cancelled from itself, the answer is no and it runs to its end",
                 "[call_later][cancel]") {
  std::optional<TimerHandle> self;
  self = loop.call_later(1s, [&, word = std::string(100, 'x')] {
    note(self->cancel() ? "cancelled" : "too late");
    self.reset();
    note(word == std::string(100, 'x') ? "whole" : "broken");
  });
  loop.run_forever();
  CHECK(trace == Trace{"too late", "whole"});
}

TEST_CASE_METHOD(Callbacks, "CallLater: cancelling one keeps the order of the others",
                 "[call_later][cancel][fair]") {
  std::vector<TimerHandle> handles;
  Trace in_order;
  for (int i = 0; i < 30; ++i) {
    const auto name = "n" + std::to_string(i);
    handles.push_back(loop.call_later(1s, noting(name)));
    if (i % 3 != 1) in_order.push_back(name + " at 1");
  }
  for (std::size_t i = 1; i < 30; i += 3) handles[i].cancel();
  loop.run_forever();
  CHECK(trace == in_order);
}

TEST_CASE_METHOD(Callbacks, "CallLater: a callback may hold the handle to itself",
                 "[call_later][lifetime]") {
  AllocationCheck memory;
  {
    VirtualClock own_clock;
    EventLoop own = make_loop(own_clock);
    for (bool cancels : {true, false}) {
      auto slot = std::make_shared<std::optional<TimerHandle>>();
      *slot = own.call_later(1s, [slot] {});
      if (cancels) {
        TimerHandle handle = **slot;
        handle.cancel();
      }
    }
    own.run_forever();
  }
  CHECK(memory.balanced());
}

/// Does something when it is destroyed, unless it was moved from.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> at_end) : at_end_(std::move(at_end)) {}
  AtEnd(AtEnd&& other) noexcept : at_end_(std::exchange(other.at_end_, nullptr)) {}
  ~AtEnd() {
    if (at_end_) at_end_();
  }

 private:
  std::function<void()> at_end_;
};

TEST_CASE("CallLater: destructors of what it captured may cancel, again and others",
          "[call_later][cancel][lifetime]") {
  AllocationCheck memory;
  {
    VirtualClock clock;
    EventLoop loop = make_loop(clock);
    std::optional<TimerHandle> self, other;
    int ran = 0;
    other = loop.call_later(1s, [&] { ++ran; });
    self = loop.call_later(1s, [end = AtEnd([&] {
                                  self->cancel();
                                  other->cancel();
                                })] {});
    CHECK(self->cancel());
    loop.run_forever();
    CHECK(ran == 0);
  }
  CHECK(memory.balanced());
}

// ---- The end of the loop

TEST_CASE("CallLater: a loop that goes drops callbacks and does not run them",
          "[call_later][lifetime]") {
  Counted::reset();
  int ran = 0;
  AllocationCheck memory;
  {
    std::optional<TimerHandle> pending, due;
    {
      VirtualClock clock;
      EventLoop loop = make_loop(clock);
      due = loop.call_later(1s, [&, counted = Counted()] { ++ran; });
      pending = loop.call_later(2s, [&, counted = Counted()] { ++ran; });
      loop.call_later(2s, [&, counted = Counted()] { ++ran; });
      loop.call_later(3s, [&, counted = Counted()] { ++ran; }).cancel();
      CHECK(Counted::live() == 3);
    }
    CHECK(Counted::live() == 0);
    CHECK_FALSE(due->cancel());
    CHECK_FALSE(pending->cancel());
    CHECK_FALSE(pending->cancelled());
  }
  CHECK(ran == 0);
  CHECK(memory.balanced());
}

TEST_CASE("CallLater: a loop that goes drops callbacks that are due and were cancelled",
          "[call_later][cancel][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    VirtualClock clock;
    EventLoop loop = make_loop(clock);
    std::optional<TimerHandle> second;
    loop.call_later(1s, [&] {
      second->cancel();
      loop.stop();
    });
    second = loop.call_later(1s, [counted = Counted()] {});
    loop.run_forever();
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE("CallLater: destructors may schedule callbacks while the loop goes",
          "[call_later][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    VirtualClock clock;
    EventLoop loop = make_loop(clock);
    loop.call_later(1s,
                    [end = AtEnd([&loop] { loop.call_later(1s, [counted = Counted()] {}); })] {});
    loop.call_soon([end = AtEnd([&loop] { loop.call_later(1s, [counted = Counted()] {}); })] {});
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Callbacks, "CallLater: only the first of two cancels is told yes",
                 "[call_later][cancel]") {
  std::optional<TimerHandle> self;
  bool second = true;
  self = loop.call_later(1s, [end = AtEnd([&] { second = self->cancel(); })] {});
  CHECK(self->cancel());
  CHECK_FALSE(second);
  CHECK_FALSE(self->cancel());
}

TEST_CASE_METHOD(Callbacks, "CallLater: a handle may be to nothing, and then to a callback",
                 "[call_later]") {
  TimerHandle handle;
  CHECK_FALSE(handle);
  handle = loop.call_later(1s, noting("ran"));
  CHECK(handle);
  const TimerHandle moved = std::move(handle);
  CHECK(moved);
  CHECK_FALSE(handle);  // NOLINT(bugprone-use-after-move): it says that it is empty
  loop.run_forever();
  CHECK(moved);
  CHECK(trace == Trace{"ran at 1"});
}

TEST_CASE("CallLater: a handle that was moved from is asked for nothing", "[call_later][check]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               TimerHandle first = loop.call_later(1s, [] {});
               const TimerHandle second = std::move(first);
               first.cancel();
             }),
             ContainsSubstring("a TimerHandle that is asked for something"));
}

}  // namespace test_call_later
