#include <chrono>
#include <string>
#include <type_traits>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"
#include "treadle/system.hpp"

namespace test_clock {

using namespace std::chrono_literals;
using treadle::Clock;
using treadle::Coro;
using treadle::EventLoop;
using treadle::Sleep;
using treadle::SteadyClock;
using treadle::System;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::in_child;
using treadle::testing::last_poll_timeout;
using treadle::testing::LoopFixture;
using treadle::testing::make_loop;
using treadle::testing::Trace;
using treadle::testing::VirtualClock;

Coro<> sleep(Clock::duration delay) { co_await Sleep(delay); }

/// How often the kernel was asked to let this process sleep: by loops with sockets, and by those without.
int sleeps() { return calls(Call::kPoll) + calls(Call::kSleep); }

// ---- Real time, as little of it as possible

TEST_CASE("Clock: on the steady clock a sleep is never early", "[clock][real-time]") {
  EventLoop loop;
  for (int i = 0; i < 10; ++i) {
    const auto delay = 100us * (2 * i + 1);
    const auto begin = std::chrono::steady_clock::now();
    loop.run_until_complete(sleep(delay));
    CHECK(std::chrono::steady_clock::now() - begin >= delay);
  }
}

TEST_CASE("Clock: a callback on the steady clock sees its deadline passed", "[clock][real-time]") {
  EventLoop loop = make_loop();
  const auto deadline = loop.time() + 3ms;
  bool early = true;
  loop.call_at(deadline, [&] { early = loop.time() < deadline; });
  loop.run_forever();
  CHECK_FALSE(early);
}

TEST_CASE("Clock: an idle loop sleeps until the deadline, in one system call",
          "[clock][real-time][cost]") {
  EventLoop loop;
  const int before = sleeps();
  loop.run_until_complete(sleep(20ms));
  CHECK(sleeps() - before == 1);
}

TEST_CASE("Clock: a deadline in the beginning of time is over, and one at its end never comes",
          "[clock]") {
  CHECK(in_child([] {
          EventLoop loop;
          int calls = 0;
          loop.call_at(Clock::time_point::max(), [&] { calls += 100; });
          loop.call_at(Clock::time_point::min(), [&] { ++calls; });
          loop.call_at(Clock::time_point{}, [&] {
            ++calls;
            loop.stop();
          });
          loop.run_forever();
          if (calls != 2) throw std::runtime_error("calls: " + std::to_string(calls));
        }).exit_code == 0);
}

TEST_CASE("Clock: the loop's time is the clock's, and never goes back", "[clock]") {
  EventLoop loop;
  auto last = SteadyClock::instance().now();
  for (int i = 0; i < 1000; ++i) {
    const auto now = loop.time();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("Clock: later() stops at the end of time", "[clock]") {
  const auto max = Clock::time_point::max();
  CHECK(Clock::later(Clock::time_point(5s), 2s) == Clock::time_point(7s));
  CHECK(Clock::later(Clock::time_point(5s), Clock::duration::max()) == max);
  CHECK(Clock::later(max, 0ns) == max);
  CHECK(Clock::later(max, 1ns) == max);
  CHECK(Clock::later(max - 5ns, 5ns) == max);
  CHECK(Clock::later(max - 5ns, 4ns) == max - 1ns);
}

// ---- The system behind the steady clock

using Sleeps = std::vector<std::chrono::nanoseconds>;

/// Time passes only while a thread sleeps, and exactly as long as it asked for.
class SleepingSystem final : public System {
 public:
  SleepingSystem() noexcept : before_(System::replace(*this)) {}
  SleepingSystem(const SleepingSystem&) = delete;
  SleepingSystem& operator=(const SleepingSystem&) = delete;
  ~SleepingSystem() { System::replace(before_); }

  std::chrono::steady_clock::time_point now() noexcept override { return now_; }
  void sleep_for(std::chrono::nanoseconds time) noexcept override { pass(time); }
#if __has_include("treadle/poller.hpp")
  int poll(std::span<pollfd>, std::chrono::nanoseconds timeout) noexcept override {
    pass(timeout);
    return 0;
  }
#endif

  Sleeps sleeps;

 private:
  void pass(std::chrono::nanoseconds time) noexcept {
    if (time <= 0ns) return;
    sleeps.push_back(time);
    now_ += time;
  }

  System& before_;
  std::chrono::steady_clock::time_point now_{1000h};
};

TEST_CASE("Clock: the loop asks for exactly the sleep that is left until the deadline, once",
          "[clock][system]") {
  SleepingSystem system;
  EventLoop loop;
  const auto begin = loop.time();
  CHECK(begin == system.now());
  const Sleeps lengths{1ns, 999ns, 300us, 999'999ns, 1ms + 1ns, 24h};
  for (const auto length : lengths) loop.run_until_complete(sleep(length));
  CHECK(system.sleeps == lengths);
  CHECK(loop.time() - begin == 24h + 2ms + 300us + 1000ns);
}

TEST_CASE("Clock: a system that is put in the place of another gives it back", "[clock][system]") {
  System& before = System::current();
  {
    const SleepingSystem system;
    CHECK(&System::current() == &system);
  }
  CHECK(&System::current() == &before);
}

// ---- The test kit's clock

TEST_CASE_METHOD(LoopFixture, "VirtualClock: a year passes in no time", "[clock][kit]") {
  const auto year = 24h * 365;
  const int before = calls(Call::kSleep);
  loop.run_until_complete(sleep(year));
  CHECK(clock.elapsed() == year);
  CHECK(calls(Call::kSleep) == before);
  CHECK(last_poll_timeout() == 0ns);
}

TEST_CASE_METHOD(LoopFixture, "VirtualClock: it stands still while something can run",
                 "[clock][kit]") {
  loop.call_later(1s, [] {});
  spawn("a", [this]() -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      note(std::to_string(clock.elapsed().count()));
      co_await treadle::yield_now();
    }
  });
  run_until_idle();
  CHECK(trace == Trace{"0", "0", "0"});
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(LoopFixture, "VirtualClock: it jumps to the next deadline and no further",
                 "[clock][kit]") {
  for (auto delay : {3s, 1s, 2s}) {
    loop.call_later(delay, [this] { note(std::to_string(clock.elapsed() / 1s)); });
  }
  loop.run_forever();
  CHECK(trace == Trace{"1", "2", "3"});
}

TEST_CASE_METHOD(LoopFixture, "VirtualClock: a test can move it", "[clock][kit]") {
  loop.call_later(2s, [this] { note("due"); });
  advance(1s);
  CHECK(trace.empty());
  advance(1s);
  CHECK(trace == Trace{"due"});
}

TEST_CASE("VirtualClock: it never goes back", "[clock][kit]") {
  VirtualClock clock;
  const auto now = clock.now();
  clock.idle_until(now - 1s);
  CHECK(clock.now() == now);
  clock.idle_until(now + 1s);
  CHECK(clock.now() == now + 1s);
}

// ---- Other clocks

/// A clock that wakes too early: it can sleep for one second at a time.
class ShortSighted final : public Clock {
 public:
  time_point now() const noexcept override { return now_; }
  duration until(time_point) const noexcept override { return duration::zero(); }
  void idle_until(time_point) noexcept override {
    now_ += 1s;
    ++jumps;
  }
  int jumps = 0;

 private:
  time_point now_{100h};
};

TEST_CASE("Clock: a loop that wakes too early goes back to sleep", "[clock]") {
  ShortSighted clock;
  EventLoop loop(clock);
  const auto begin = clock.now();
  loop.run_until_complete(sleep(5s));
  CHECK(clock.now() == begin + 5s);
  CHECK(clock.jumps == 5);
}

// A static object that is destroyed later than the clock may make a loop in its destructor.
static_assert(std::is_trivially_destructible_v<SteadyClock>);

TEST_CASE("Clock: a sum ends at the ends of time, and does not go round", "[clock][edge]") {
  using Time = Clock::time_point;
  constexpr auto kLongest = Clock::duration::max();
  constexpr auto kShortest = Clock::duration::min();
  CHECK(Clock::later(Time(5s), kLongest) == Time::max());
  CHECK(Clock::later(Time(-5s), kLongest) == Time::max() - 5s);
  CHECK(Clock::later(Time::max(), 1ns) == Time::max());
  CHECK(Clock::later(Time(5s), kShortest) == Time::min() + 5s);
  CHECK(Clock::later(Time(-5s), kShortest) == Time::min());
  CHECK(Clock::later(Time::min(), -1ns) == Time::min());
  CHECK(Clock::later(Time::min(), kLongest) == Time(-1ns));
}

}  // namespace test_clock
