#include <chrono>
#include <limits>
#include <ratio>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace test_sleep {

using namespace std::chrono_literals;
using treadle::Clock;
using treadle::Coro;
using treadle::EventLoop;
using treadle::Sleep;
using treadle::sleep_for;
using treadle::sleep_until;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;
using treadle::testing::VirtualClock;

// A fixture that knows how to say what time it is.
class Sleepers : public LoopFixture {
 public:
  void note_time(const std::string& name) {
    note(name + " at " + std::to_string(clock.elapsed() / 1s));
  }

  Coro<> sleeper(std::string name, Clock::duration delay) {
    co_await Sleep(delay);
    note_time(name);
  }
};

TEST_CASE_METHOD(Sleepers, "Sleep: it ends at its deadline", "[sleep]") {
  loop.run_until_complete(sleeper("a", 2s));
  CHECK(trace == Trace{"a at 2"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: sleepers wake by deadline, whatever their order", "[sleep]") {
  spawn("a", sleeper("a", 3s));
  spawn("b", sleeper("b", 1s));
  spawn("c", sleeper("c", 2s));
  run_to_end();
  CHECK(trace == Trace{"b at 1", "c at 2", "a at 3"});
}

TEST_CASE_METHOD(
    Sleepers, "Sleep: those with the same deadline wake in the order in which they went to sleep",
    "[sleep][fair]") {
  Trace in_order;
  for (int i = 0; i < 20; ++i) {
    const auto name = "n" + std::to_string(i);
    spawn(name, sleeper(name, 2s));
    in_order.push_back(name + " at 2");
  }
  run_to_end();
  CHECK(trace == in_order);
}

TEST_CASE_METHOD(Sleepers, "Sleep: the same deadline by other ways is the same deadline",
                 "[sleep][fair]") {
  spawn("a", [this]() -> Coro<> {
    co_await sleep_for(1s);
    co_await sleep_for(1s);
    note_time("a");
  });
  spawn("b", sleeper("b", 2s));
  spawn("c", [this]() -> Coro<> {
    co_await sleep_until(loop.time() + 2s);
    note_time("c");
  });
  loop.call_later(2s, [this] { note_time("callback"); });
  run_to_end();
  // The callback was armed before any task ran, and a went to sleep last.
  CHECK(trace == Trace{"callback at 2", "b at 2", "c at 2", "a at 2"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: it is never early", "[sleep]") {
  spawn("a", sleeper("a", 2s));
  run_until_idle();
  advance(2s - 1ns);
  CHECK(trace.empty());
  advance(1ns);
  CHECK(trace == Trace{"a at 2"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: zero and less mean the next turn", "[sleep][turn]") {
  for (auto delay : {0s, -5s}) spawn("sleeper", sleeper("sleeper", delay));
  spawn("least", sleeper("least", Clock::duration::min()));
  spawn("yielder", [this]() -> Coro<> {
    note("first turn");
    co_await yield_now();
    note("second turn");
    co_await yield_now();
    note("third turn");
  });
  run_until_idle();
  CHECK(trace == Trace{"first turn", "second turn", "sleeper at 0", "sleeper at 0", "least at 0",
                       "third turn"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: a loop of zero sleeps keeps nobody else from running",
                 "[sleep][fair]") {
  bool enough = false;
  spawn("greedy", [&]() -> Coro<> {
    while (!enough) co_await Sleep(0s);
  });
  spawn("other", [&]() -> Coro<> {
    co_await yield_now();
    co_await Sleep(0s);
    enough = true;
  });
  run_to_end();
  CHECK(enough);
}

TEST_CASE_METHOD(Sleepers, "Sleep: a while counts from the await, not from the construction",
                 "[sleep]") {
  run([this]() -> Coro<> {
    Sleep late(2s);
    co_await Sleep(3s);
    co_await late;
    note_time("a");
  });
  CHECK(trace == Trace{"a at 5"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: one object can sleep again and again", "[sleep]") {
  run([this]() -> Coro<> {
    Sleep second(1s);
    for (int i = 0; i < 3; ++i) {
      co_await second;
      note_time("a");
    }
  });
  CHECK(trace == Trace{"a at 1", "a at 2", "a at 3"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: a moment that has passed means the next turn", "[sleep]") {
  clock.advance(10s);
  run([this]() -> Coro<> {
    co_await sleep_until(loop.time() - 5s);
    note_time("a");
    co_await sleep_until(Clock::time_point::min());
    note_time("a");
    co_await sleep_until(loop.time());
    note_time("a");
  });
  CHECK(trace == Trace{"a at 10", "a at 10", "a at 10"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: the longest sleep there is comes after all others", "[sleep]") {
  spawn("for ever", sleeper("for ever", Clock::duration::max()));
  spawn("a", sleeper("a", 24h));
  loop.call_later(48h, [this] { loop.stop(); });
  loop.run_forever();
  CHECK(trace == Trace{"a at 86400"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: other tasks run while one sleeps", "[sleep]") {
  spawn("a", sleeper("a", 10s));
  spawn("b", [this]() -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      co_await Sleep(4s);
      note_time("b");
    }
  });
  run_to_end();
  CHECK(trace == Trace{"b at 4", "b at 8", "a at 10"});
}

TEST_CASE_METHOD(Sleepers,
                 "Sleep: those who are ready already run before those whose time has come",
                 "[sleep][turn]") {
  spawn("sleeper", sleeper("sleeper", 1s));
  run_until_idle();
  clock.advance(1s);
  loop.call_soon([this] { note("ready before the turn"); });
  run_until_idle();
  CHECK(trace == Trace{"ready before the turn", "sleeper at 1"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: a deadline that passes in the middle of a turn is for the next",
                 "[sleep][turn]") {
  spawn("sleeper", sleeper("sleeper", 1s));
  run_until_idle();
  loop.call_soon([this] {
    clock.advance(1s);  // a callback that takes long
    note("slow callback");
    loop.call_soon([this] { note("made by the slow callback"); });
  });
  loop.call_soon([this] { note("other callback"); });
  run_until_idle();
  CHECK(trace ==
        Trace{"slow callback", "other callback", "made by the slow callback", "sleeper at 1"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: deadlines that pass together are still kept in order",
                 "[sleep][turn]") {
  spawn("late", sleeper("late", 3s));
  spawn("early", sleeper("early", 1s));
  run_until_idle();
  advance(5s);
  CHECK(trace == Trace{"early at 5", "late at 5"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: run_until_idle neither waits nor moves the clock", "[sleep]") {
  spawn("a", sleeper("a", 1s));
  run_until_idle();
  CHECK(trace.empty());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(Sleepers, "Sleep: it works at any depth of a chain, and gives errors their way",
                 "[sleep]") {
  auto inner = []() -> Coro<int> {
    co_await Sleep(1s);
    throw std::runtime_error("slept badly");
  };
  auto outer = [&]() -> Coro<int> {
    const int value = co_await inner();
    co_return value;
  };
  CHECK_THROWS_WITH(run(outer), "slept badly");
  CHECK(clock.elapsed() == 1s);
}

TEST_CASE_METHOD(Sleepers, "Sleep: a task that sleeps says so", "[sleep][diagnosis]") {
  const auto a = spawn("a", sleeper("a", 2s));
  const auto b = spawn("b", sleeper("b", 1500ms));
  const auto c = spawn("c", [this]() -> Coro<> { co_await sleep_until(loop.time() + 3s); });
  run_until_idle();
  CHECK(a.block().waits_for() == "sleep of 2s");
  CHECK(b.block().waits_for() == "sleep of 1.5s");
  CHECK_FALSE(c.block().waits_for().empty());
}

TEST_CASE_METHOD(Sleepers,
                 "Sleep: who sleeps is no deadlock, and what is left when all have slept is",
                 "[sleep][deadlock]") {
  Task<> first, second;
  const auto wait_for = [](Task<>& task) -> Coro<> { co_await task; };
  first = spawn("a", wait_for(second));
  second = spawn("b", wait_for(first));
  spawn("c", sleeper("c", 5s));
  CHECK_THROWS_AS(loop.run_forever(), treadle::DeadlockError);
  CHECK(trace == Trace{"c at 5"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: stop ends a run with sleepers, who wake in the next",
                 "[sleep][stop]") {
  spawn("a", sleeper("a", 2s));
  loop.call_later(1s, [this] { loop.stop(); });
  loop.run_forever();
  CHECK(trace.empty());
  CHECK(clock.elapsed() == 1s);
  loop.run_forever();
  CHECK(trace == Trace{"a at 2"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: stop before the run does not wait for sleepers",
                 "[sleep][stop]") {
  spawn("a", sleeper("a", 2s));
  run_until_idle();
  loop.stop();
  loop.run_forever();
  CHECK(trace.empty());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE("Sleep: a loop that goes destroys its sleepers", "[sleep][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    VirtualClock clock;
    EventLoop loop(clock);
    const auto sleeper = [](Counted) -> Coro<> {
      Counted local;
      co_await Sleep(1h);
    };
    const auto kept = loop.create_task(sleeper(Counted()));
    for (int i = 0; i < 10; ++i) loop.create_task(sleeper(Counted()));
    loop.run_until_idle();
    CHECK(Counted::live() == 22);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE("Sleep: a loop that goes destroys sleepers whose time has come", "[sleep][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    VirtualClock clock;
    EventLoop loop(clock);
    const auto sleeper = [](Counted) -> Coro<> { co_await Sleep(1s); };
    loop.call_later(1s, [&loop] { loop.stop(); });
    for (int i = 0; i < 10; ++i) loop.create_task(sleeper(Counted()));
    loop.run_until_idle();
    clock.advance(1s);
    loop.stop();  // one turn, in which the callback was due before them: they are ready, or have run
    loop.run_until_idle();
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Sleepers, "Sleep: once the heap has grown, sleeping allocates nothing",
                 "[sleep][cost]") {
  spawn("a", []() -> Coro<> {
    for (int i = 0; i < 100; ++i) co_await Sleep(1s);
  });
  loop.run_until_complete(sleeper("first", 1s));
  trace.reserve(100);
  AllocationCheck memory;
  loop.run_forever();
  CHECK(memory.made() == 0);
  CHECK(clock.elapsed() == 100s);
}

TEST_CASE_METHOD(Sleepers, "Sleep: the longest of any unit is for ever, and not over at once",
                 "[sleep][edge]") {
  spawn("forever", [this]() -> Coro<> {
    co_await sleep_for(std::chrono::hours::max());
    note("forever");
  });
  spawn("year", [this]() -> Coro<> {
    co_await Sleep(std::chrono::hours(24 * 365));
    note("year");
  });
  loop.call_later(std::chrono::duration<double>(1e300), [this] { note("never"); });
  run_until_idle();  // a while counts from when the await begins
  advance(std::chrono::hours(24 * 365));
  CHECK(trace == Trace{"year"});
}

TEST_CASE_METHOD(Sleepers, "Sleep: infinity is for ever, and NaN is refused before anything waits",
                 "[sleep][edge]") {
  using Seconds = std::chrono::duration<double>;
  using Hours = std::chrono::duration<float, std::ratio<3600>>;
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  loop.call_later(Seconds(infinity), [this] { note("never"); });
  loop.call_later(Seconds(-infinity), [this] { note("at once"); });
  advance(std::chrono::hours(24 * 365));
  CHECK(trace == Trace{"at once"});
  CHECK_THROWS_AS(sleep_for(Seconds(nan)), std::invalid_argument);
  CHECK_THROWS_AS(sleep_for(Seconds(-nan)), std::invalid_argument);
  CHECK_THROWS_AS(loop.call_later(Hours(static_cast<float>(nan)), [this] { note("never"); }),
                  std::invalid_argument);
  static_assert(!std::is_nothrow_constructible_v<treadle::Delay, Seconds>);
  static_assert(std::is_nothrow_constructible_v<treadle::Delay, std::chrono::hours>);
}

}  // namespace test_sleep
