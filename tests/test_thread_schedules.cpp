// Waiting for another loop and for a thread, in every order and with a cancel at every place. Where the other loop is
// driven by the test, turn by turn, each run is the same each time; where there are real threads, what must be true is
// true in whatever order they come.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/other_thread.hpp"
#include "testing/schedules.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"

namespace test_thread_schedules {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::RemoteTask;
using treadle::run_coroutine_threadsafe;
using treadle::run_in_thread;
using treadle::Task;
using treadle::ThreadPool;
using treadle::yield_now;
using treadle::testing::cancel_everywhere;
using treadle::testing::cancel_everywhere_in_any_order;
using treadle::testing::Counted;
using treadle::testing::Findings;
using treadle::testing::in_any_order;
using treadle::testing::LoopInThread;
using treadle::testing::make_scenario;
using treadle::testing::Scenario;
using treadle::testing::Trace;

bool contains(const Trace& places, const std::string& place) {
  return std::find(places.begin(), places.end(), place) != places.end();
}

/// Gives `value` after so many turns.
Coro<int> gives(int value, int turns) {
  const Counted local;
  for (int i = 0; i < turns; ++i) co_await yield_now();
  co_return value;
}

/// One turn of `other` before each of `loop`, and more where that has nothing to do.
void drive_beside(EventLoop& other, EventLoop& loop) {
  for (int turn = 0; turn == 0 || (turn < 100 && loop.ready().empty()); ++turn) {
    other.stop();
    other.run_until_idle();
  }
}

/// Keeps a loop from having nothing to do, for so many turns.
Coro<> ticks(int turns) {
  for (int i = 0; i < turns; ++i) co_await yield_now();
}

// ---- Another loop

/// Main asks a second loop, and both make a turn each, by turns: so a cancel meets the news before it is sent, while it is
/// under way, and when it has just been told.
class AsksAnotherLoop : public Scenario {
 public:
  Coro<> main() override {
    const Counted local;
    for (int i = 1; i <= 4; ++i) {
      remotes.push_back(run_coroutine_threadsafe(other, gives(i, i - 1)));
      const int value = co_await remotes.back();
      sum += value;
      if (i == 2) co_await yield_now();
    }
    note("whole");
  }
  void begin() override {
    spawn("ticks", ticks(20));
    spawn("other", [this]() -> Coro<> {
      const int value = co_await run_coroutine_threadsafe(other, gives(7, 2));
      others += value;
    });
  }
  void before_turn() override { drive_beside(other, loop); }
  void end(const Task<>& main) override {
    other.run_until_idle();
    run_until_idle();
    expect(main.cancelled() == trace.empty(), "it was cancelled and went on, or neither");
    expect(main.cancelled() || sum == 10, "an answer is lost");
    expect(others == 7, "another task's answer is lost");
    int answers = 0;
    for (const auto& remote : remotes)
      answers += remote.done() && !remote.cancelled() ? remote.result() : -100;
    const int asked = static_cast<int>(remotes.size());
    expect(answers == asked * (asked + 1) / 2, "the other loop's work was disturbed");
  }

  EventLoop other{clock};
  std::vector<RemoteTask<int>> remotes;
  int sum = 0;
  int others = 0;
};

TEST_CASE("ThreadSchedules: who awaits another loop's work has it whole or has left it alone",
          "[schedules][cancel][remote]") {
  const Findings cancelled = cancel_everywhere(make_scenario<AsksAnotherLoop>, true);
  CHECK(cancelled.faults == Trace{});
  CHECK(std::any_of(cancelled.places.begin(), cancelled.places.end(),
                    [](const auto& place) { return place.ends_with(" of another loop"); }));
  CHECK(contains(cancelled.places, "suspended"));
  CHECK(in_any_order(make_scenario<AsksAnotherLoop>).faults == Trace{});
  CHECK(cancel_everywhere_in_any_order(make_scenario<AsksAnotherLoop>).faults == Trace{});
}

/// The other loop's task asks main's loop in its turn, and that is where main is cancelled.
class IsAskedBack : public Scenario {
 public:
  Coro<> main() override {
    const Counted local;
    const int value = co_await run_coroutine_threadsafe(other, ask_back(loop, 3));
    sum = value;
  }
  void begin() override { spawn("ticks", ticks(12)); }
  void before_turn() override { drive_beside(other, loop); }
  void end(const Task<>& main) override {
    for (int i = 0; i < 10; ++i) {
      other.run_until_idle();
      run_until_idle();
    }
    expect(main.cancelled() || sum == 3, "the answer is wrong");
    expect(asked == 0 || asked == 3, "the other loop's work was cut short");
  }

  Coro<int> ask_back(EventLoop& there, int times) {
    const Counted local;
    for (int i = 0; i < times; ++i) {
      const int one = co_await run_coroutine_threadsafe(there, gives(1, 1));
      asked += one;
    }
    co_return asked;
  }

  EventLoop other{clock};
  int sum = 0;
  int asked = 0;
};

TEST_CASE("ThreadSchedules: two loops that ask each other survive a cancel anywhere",
          "[schedules][cancel][remote]") {
  CHECK(cancel_everywhere(make_scenario<IsAskedBack>, true).faults == Trace{});
  CHECK(in_any_order(make_scenario<IsAskedBack>).faults == Trace{});
  CHECK(cancel_everywhere_in_any_order(make_scenario<IsAskedBack>).faults == Trace{});
}

/// The other loop closes while it is asked.
class AsksOneThatCloses : public Scenario {
 public:
  Coro<> main() override {
    const auto self = co_await treadle::get_current_task();
    try {
      co_await run_coroutine_threadsafe(*other, gives(1, 100));
      expect(false, "the other loop closed, and there is a value");
    } catch (const CancelledError&) {
      if (self.cancelling() > 0) throw;  // it was meant for us
    }
    note("told");
  }
  void begin() override { spawn("ticks", ticks(5)); }
  void before_turn() override {
    if (!other) return;
    if (++turns == 4) return other.reset();
    drive_beside(*other, loop);
  }
  void end(const Task<>& main) override {
    other.reset();
    run_until_idle();
    expect(main.cancelled() == trace.empty(), "it was not told that the other loop closed");
  }

  std::unique_ptr<EventLoop> other = std::make_unique<EventLoop>(clock);
  int turns = 0;
};

TEST_CASE("ThreadSchedules: who awaits a loop that closes is told, or was cancelled before",
          "[schedules][cancel][remote][close]") {
  CHECK(cancel_everywhere(make_scenario<AsksOneThatCloses>, true).faults == Trace{});
  CHECK(in_any_order(make_scenario<AsksOneThatCloses>, 10).faults == Trace{});
}

/// The same with a real thread. No two runs are alike, and nobody shuffles what is ready: others may be adding to it.
class AsksAnotherThread : public Scenario {
 public:
  Coro<> main() override {
    const Counted local;
    for (int i = 1; i <= 3; ++i) {
      remotes.push_back(run_coroutine_threadsafe(other.loop, gives(i, i)));
      const int value = co_await remotes.back();
      sum += value;
    }
    note("whole");
  }
  void end(const Task<>& main) override {
    expect(main.cancelled() == trace.empty(), "it was cancelled and went on, or neither");
    expect(main.cancelled() || sum == 6, "an answer is lost");
    for (std::size_t i = 0; i < remotes.size(); ++i)
      expect(remotes[i].result() == static_cast<int>(i) + 1, "the other loop's work was disturbed");
    other.end();
    run_until_idle();
  }

  LoopInThread other;
  std::vector<RemoteTask<int>> remotes;
  int sum = 0;
};

TEST_CASE("ThreadSchedules: who awaits a loop of another thread has it whole or has left it alone",
          "[schedules][cancel][remote][thread][real-time]") {
  const Findings cancelled = cancel_everywhere(make_scenario<AsksAnotherThread>, true);
  CHECK(cancelled.faults == Trace{});
}

// ---- A thread of a pool

class AsksThreads : public Scenario {
 public:
  Coro<> main() override {
    const Counted local;
    for (int i = 1; i <= 3; ++i) {
      ++begun;
      auto job = [this, i, counted = Counted()] {
        ++ran;
        return i;
      };
      const int value = co_await run_in_thread(std::move(job), *pool);
      sum += value;
    }
    note("whole");
  }
  void begin() override {
    for (int i = 0; i < 2; ++i) {
      spawn("other", [this]() -> Coro<> {
        auto job = [counted = Counted()] { return 7; };
        const int value = co_await run_in_thread(std::move(job), *pool);
        others += value;
      });
    }
  }
  void end(const Task<>& main) override {
    while (others < 14 && loop.run_once()) {
    }
    pool.reset();
    run_until_idle();
    expect(main.cancelled() == trace.empty(), "it was cancelled and went on, or neither");
    expect(main.cancelled() || sum == 6, "a value is lost");
    expect(others == 14, "another task's value is lost");
    expect(ran <= begun, "a job ran twice");
    expect(ran + 1 >= begun, "a job that was waited for did not run");
  }

  std::unique_ptr<ThreadPool> pool = std::make_unique<ThreadPool>(2);
  std::atomic<int> ran = 0;
  int begun = 0;
  int sum = 0;
  int others = 0;
};

TEST_CASE("ThreadSchedules: a job in a thread comes home whole, or nobody waits for it",
          "[schedules][cancel][run_in_thread][real-time]") {
  const Findings cancelled = cancel_everywhere(make_scenario<AsksThreads>, true);
  CHECK(cancelled.faults == Trace{});
  CHECK(contains(cancelled.places, "a job in a thread"));
}

}  // namespace test_thread_schedules
