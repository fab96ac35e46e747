#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/socket_pair.hpp"
#include "testing/thread.hpp"
#include "testing/virtual_clock.hpp"
#include "treadle/report.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"

namespace test_metrics {

using namespace std::chrono_literals;
using treadle::Clock;
using treadle::Coro;
using treadle::describe;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::LoopMetrics;
using treadle::LoopOptions;
using treadle::ReadSocket;
using treadle::short_time;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskMetrics;
using treadle::TimeoutError;
using treadle::to_json;
using treadle::to_table;
using treadle::WaitReason;
using treadle::WhenStuck;
using treadle::yield_now;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::put;
using treadle::testing::SocketPair;
using treadle::testing::Thread;
using treadle::testing::Trace;
using treadle::testing::VirtualClock;

// A loop that keeps times, by a clock that moves only when somebody says so.
class Timed {
 public:
  explicit Timed(LoopOptions options = {.timing = true}) : loop(raises(options), clock) {
    LoopFixture::restart_ids();
    loop.set_exception_handler(
        [this](const ErrorContext& context) { errors.push_back(describe(context)); });
  }

  // A step that takes `time`.
  void work(Clock::duration time) { clock.advance(time); }

  Coro<> works_and_sleeps(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      work(10ms);
      co_await Sleep(1s);
    }
    work(3ms);
  }

  Trace errors;
  VirtualClock clock;
  EventLoop loop;

 private:
  static LoopOptions raises(LoopOptions options) {
    options.when_stuck = WhenStuck::kRaise;
    return options;
  }
};

class TimedByDefault : public Timed {};

Coro<int> give(int value) { co_return value; }
Coro<> sleeper() { co_await Sleep(1h); }
Coro<> fails() {
  throw std::runtime_error("no");
  co_return;
}

// ---- What is always counted

TEST_CASE_METHOD(LoopFixture, "Metrics: a loop counts how its tasks end", "[metrics]") {
  loop.create_task(give(1));
  loop.create_task(fails());
  const auto victim = loop.create_task(sleeper());
  loop.create_task(sleeper());
  run_until_idle();
  victim.cancel();
  run_until_idle();
  const LoopMetrics metrics = loop.metrics();
  CHECK(metrics.tasks_created == 4);
  CHECK(metrics.tasks_finished == 1);
  CHECK(metrics.tasks_failed == 1);
  CHECK(metrics.tasks_cancelled == 1);
  CHECK(metrics.tasks_alive() == 1);
  CHECK(metrics.most_ready == 4);
  CHECK(metrics.timers_armed == 2);
  CHECK(metrics.timers_fired == 0);
  CHECK_FALSE(metrics.timed);
}

TEST_CASE_METHOD(LoopFixture, "Metrics: a closed loop tells what it had done", "[metrics]") {
  loop.create_task(give(1));
  loop.create_task(sleeper());
  loop.close();
  const LoopMetrics metrics = loop.metrics();
  CHECK(metrics.tasks_created == 2);
  CHECK(metrics.tasks_cancelled == 2);
  CHECK(metrics.tasks_alive() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Metrics: gauges count what there is at the moment", "[metrics]") {
  SocketPair pair;
  const auto read = [](treadle::Socket& socket) -> Coro<> {
    char byte;
    co_await ReadSocket(socket, {&byte, 1});
  };
  loop.create_task(read(pair.b));
  loop.create_task(sleeper());
  const auto later = loop.call_later(2h, [] {});
  CHECK(loop.metrics().ready_now == 2);
  run_until_idle();
  for (int i = 0; i < 3; ++i) loop.call_soon([] {});
  const LoopMetrics metrics = loop.metrics();
  CHECK(metrics.ready_now == 3);
  CHECK(metrics.timers_pending == 2);
  CHECK(metrics.descriptors_watched == 1);
  CHECK(metrics.posts_pending == 0);
  CHECK(metrics.next_deadline == loop.time() + 1h);
  CHECK_THAT(to_json(metrics), ContainsSubstring(R"("ready_now":3,"timers_pending":2,)"
                                                 R"("descriptors_watched":1,"posts_pending":0,)"
                                                 R"("next_deadline_ns":)"));
  CHECK_THAT(to_table(metrics), ContainsSubstring("3 ready, 2 timers, 1 descriptors, 0 posts"));
}

TEST_CASE_METHOD(LoopFixture, "Metrics: a loop that has nothing has gauges of zero", "[metrics]") {
  loop.create_task(sleeper());
  run_until_idle();
  loop.call_soon([] {});
  loop.close();
  const LoopMetrics metrics = loop.metrics();
  CHECK(metrics.ready_now + metrics.timers_pending + metrics.descriptors_watched == 0);
  CHECK(metrics.posts_pending == 0);
  CHECK_FALSE(metrics.next_deadline);
  CHECK_THAT(to_json(metrics), !ContainsSubstring("next_deadline_ns"));
  CHECK_THAT(to_table(metrics), !ContainsSubstring("at the moment"));
}

TEST_CASE_METHOD(LoopFixture, "Metrics: a post is pending until the loop takes it",
                 "[metrics][real-time]") {
  std::vector<std::uint64_t> pending;
  loop.call_soon([&] {
    in_thread([&] {
      loop.call_soon_threadsafe([] {});
      loop.call_soon([] {});
    });
    pending.push_back(loop.metrics().posts_pending);
    loop.call_soon([&] { pending.push_back(loop.metrics().posts_pending); });  // the next turn
  });
  run_until_idle();
  CHECK(pending == std::vector<std::uint64_t>{2, 0});
}

TEST_CASE_METHOD(LoopFixture, "Metrics: an operation on a socket waits, or does not", "[metrics]") {
  SocketPair pair;
  const auto read = [](treadle::Socket& socket) -> Coro<> {
    char byte;
    co_await ReadSocket(socket, {&byte, 1});
    co_await ReadSocket(socket, {&byte, 1});
  };
  put(pair.a, "x");
  const auto task = loop.create_task(read(pair.b));
  run_until_idle();
  CHECK(loop.metrics().io_at_once == 1);
  CHECK(loop.metrics().io_waits == 1);
  put(pair.a, "y");
  run_until_idle();
  CHECK(task.done());
  CHECK(loop.metrics().io_waits == 1);
}

TEST_CASE_METHOD(LoopFixture, "Metrics: a task counts how often it was suspended", "[metrics]") {
  const auto task = loop.create_task([]() -> Coro<> {
    co_await yield_now();
    co_await give(1);
    co_await Sleep(1s);
    co_await yield_now();
  }());
  run_to_end();
  CHECK(task.metrics().suspends == 3);
  CHECK_FALSE(task.metrics().timed);
}

// ---- Times

TEST_CASE_METHOD(TimedByDefault, "Metrics: steps and waits add up to a task's age", "[metrics]") {
  const auto task = loop.create_task(works_and_sleeps(3), "worker");
  loop.run_forever();
  const TaskMetrics metrics = task.metrics();
  CHECK(metrics.timed);
  CHECK(metrics.execution == 33ms);
  CHECK(metrics.waits[WaitReason::kSleep] == 3s);
  CHECK(metrics.suspended() == 3s);
  CHECK(metrics.age == metrics.execution + metrics.suspended());
  CHECK(metrics.finished - metrics.created == metrics.age);
  CHECK(metrics.longest_step == 10ms);
  CHECK(metrics.longest_step_end.function == "test_metrics::Timed::works_and_sleeps");
}

TEST_CASE_METHOD(TimedByDefault, "Metrics: who is ready and not run waits for its turn",
                 "[metrics]") {
  const auto hog = loop.create_task([](Timed& timed) -> Coro<> {
    timed.work(5ms);
    co_return;
  }(*this));
  const auto task = loop.create_task(give(1));
  loop.run_until_idle();
  CHECK(task.metrics().waits[WaitReason::kReady] == 5ms);
  CHECK(task.metrics().execution == 0ms);
  CHECK(hog.metrics().execution == 5ms);
}

TEST_CASE_METHOD(TimedByDefault, "Metrics: a wait that lasts counts up to the snapshot",
                 "[metrics]") {
  const auto task = loop.create_task(sleeper());
  loop.run_until_idle();
  clock.advance(7s);
  CHECK(task.metrics().waits[WaitReason::kSleep] == 7s);
  CHECK(task.metrics().age == 7s);
  CHECK(task.metrics().finished == Clock::time_point());
}

TEST_CASE_METHOD(TimedByDefault, "Metrics: waiting for a task is told from waiting for time",
                 "[metrics]") {
  const auto slow = loop.create_task(works_and_sleeps(1));
  const auto waiter = loop.create_task([](Task<> task) -> Coro<> { co_await task; }(slow));
  loop.run_forever();
  CHECK(waiter.metrics().waits[WaitReason::kJoin] >= 1s);
  CHECK(waiter.metrics().waits[WaitReason::kSleep] == 0s);
}

TEST_CASE_METHOD(TimedByDefault, "Metrics: a loop is busy, or idle", "[metrics]") {
  loop.create_task(works_and_sleeps(2));
  loop.run_forever();
  const LoopMetrics metrics = loop.metrics();
  CHECK(metrics.busy == 23ms);
  CHECK(metrics.idle == 2s);
  CHECK(metrics.timers_fired == 2);
}

TEST_CASE_METHOD(TimedByDefault, "Metrics: one reading of the clock for each switch", "[metrics]") {
  class CountingClock final : public Clock {
   public:
    time_point now() const noexcept override {
      ++readings;
      return time_point(1h);
    }
    duration until(time_point) const noexcept override { return {}; }
    void idle_until(time_point) noexcept override {}
    mutable int readings = 0;
  };
  CountingClock counting;
  EventLoop other({.timing = true}, counting);
  const auto yields = [](int times) -> Coro<> {
    for (int i = 0; i < times; ++i) co_await yield_now();
  };
  for (int i = 0; i < 100; ++i) other.create_task(yields(100));
  counting.readings = 0;
  other.run_until_idle();
  CHECK(counting.readings <= 100 * 101 + 2 * 103);  // and one or two a turn
}

// ---- Steps that take too long

TEST_CASE("Metrics: a slow step is reported with its line", "[metrics][slow]") {
  Timed timed({.slow_step = 50ms});
  timed.loop.create_task(
      [](Timed& t) -> Coro<> {
        t.work(49ms);
        co_await yield_now();
        t.work(50ms);
        co_await yield_now();
      }(timed),
      "hog");
  timed.loop.run_until_idle();
  REQUIRE(timed.errors.size() == 1);
  CHECK_THAT(timed.errors[0], ContainsSubstring("hog held the loop for 50ms, until ") &&
                                  ContainsSubstring("test_metrics.cpp:"));
  CHECK(timed.loop.metrics().slow_steps == 1);
}

TEST_CASE("Metrics: in debug mode a step is slow after 100 ms, a callback too", "[metrics][slow]") {
  Timed timed({.debug = true});
  timed.loop.call_soon([&] { timed.work(99ms); });
  timed.loop.call_soon([&] { timed.work(100ms); });
  timed.loop.run_until_idle();
  REQUIRE(timed.errors.size() == 1);
  CHECK_THAT(timed.errors[0], ContainsSubstring("a callback made at test_metrics.cpp:") &&
                                  ContainsSubstring(" held the loop for 100ms"));
}

// ---- From other threads

TEST_CASE("Metrics: another thread gets a snapshot of a loop that runs",
          "[metrics][thread][real-time]") {
  EventLoop loop;
  const auto task = loop.create_task(sleeper(), "sleeper");
  Thread runner([&] { loop.run_forever(); });
  while (!loop.is_running()) std::this_thread::yield();
  for (int i = 0; i < 200; ++i) {
    const LoopMetrics metrics = loop.metrics();
    CHECK(metrics.tasks_created == 1);
    CHECK(metrics.tasks_alive() == loop.all_tasks().size());
    CHECK(task.metrics().name == "sleeper");
  }
  CHECK(loop.metrics().posts >= 600);
  loop.stop();
  runner.join();
}

TEST_CASE("Metrics: a step that does not end keeps nobody waiting for ever",
          "[metrics][thread][real-time]") {
  EventLoop loop;
  LoopFixture::restart_ids();
  std::atomic<bool> inside = false;
  std::atomic<bool> over = false;
  loop.create_task([](std::atomic<bool>& begun, std::atomic<bool>& end) -> Coro<> {
    begun = true;
    while (!end) std::this_thread::yield();
    co_return;
  }(inside, over));
  Thread runner([&] { loop.run_forever(); });
  while (!inside) std::this_thread::yield();
  CHECK_THROWS_AS(loop.metrics(20ms), TimeoutError);
  CHECK_THROWS_WITH(loop.all_tasks(20ms),
                    ContainsSubstring("0.02s") && ContainsSubstring("task 1"));
  over = true;
  loop.stop();
  runner.join();
}

TEST_CASE("Metrics: the longest patience there is does not run out at once",
          "[metrics][thread][edge][real-time]") {
  EventLoop loop;
  std::atomic<bool> inside = false;
  loop.create_task([](std::atomic<bool>& begun) -> Coro<> {
    begun = true;
    std::this_thread::sleep_for(20ms);  // so that those who ask mostly have to wait
    co_await sleeper();
  }(inside));
  Thread runner([&] { loop.run_forever(); });
  while (!inside) std::this_thread::yield();
  CHECK_NOTHROW(loop.metrics(std::chrono::nanoseconds::max()));
  CHECK_NOTHROW(loop.metrics(std::chrono::hours::max()));
  CHECK(loop.all_tasks(std::chrono::hours::max()).size() == 1);
  loop.stop();
  runner.join();
}

TEST_CASE_METHOD(LoopFixture, "Metrics: a look that gives nothing says whether it was taken",
                 "[metrics]") {
  int looked = 0;
  CHECK(loop.look([&] { ++looked; }));
  CHECK(looked == 1);
  loop.close();
  CHECK_FALSE(loop.look([&] { ++looked; }));
  CHECK(looked == 1);
}

// ---- On paper

TEST_CASE("Metrics: times are written as people compare them", "[metrics]") {
  CHECK(short_time(0s) == "0");
  CHECK(short_time(350ns) == "350ns");
  CHECK(short_time(12300ns) == "12.3us");
  CHECK(short_time(140ms) == "140ms");
  CHECK(short_time(2500ms) == "2.50s");
  CHECK(short_time(90s) == "90.0s");
  CHECK(short_time(1h) == "3600s");
  CHECK(short_time(999999us) == "1.00s");
}

TEST_CASE_METHOD(LoopFixture, "Metrics: JSON has the numbers, and times where they are kept",
                 "[metrics][json]") {
  const auto task = loop.create_task(give(1), "say \"hi\"");
  run_until_idle();
  CHECK_THAT(to_json(task.metrics()),
             ContainsSubstring(R"({"id":1,"name":"say \"hi\"","state":"finished","made_at":")") &&
                 ContainsSubstring(R"("suspends":0,"timed":false})"));
  CHECK_THAT(to_json(loop.metrics()),
             ContainsSubstring(R"("tasks_created":1)") && !ContainsSubstring("busy_ns"));
}

TEST_CASE_METHOD(TimedByDefault, "Metrics: the table has a line a task", "[metrics][table]") {
  std::vector<TaskMetrics> tasks;
  const auto first = loop.create_task(works_and_sleeps(1), "first");
  const auto second = loop.create_task(give(2), "second");
  loop.run_forever();
  for (const auto& metrics : {first.metrics(), second.metrics()}) tasks.push_back(metrics);
  const std::string table = to_table(tasks);
  CHECK_THAT(table, ContainsSubstring("first") && ContainsSubstring("sleep 1.00s") &&
                        ContainsSubstring("13ms"));
  CHECK(std::count(table.begin(), table.end(), '\n') == 3);
  CHECK_THAT(to_json(tasks),
             ContainsSubstring(R"("waits_ns":{)") && ContainsSubstring(R"("sleep":1000000000)"));
}

// ---- Options

Coro<LoopOptions> given(LoopOptions options) { co_return options; }

TEST_CASE_METHOD(LoopFixture, "LoopOptions: named where they are given, also beside a co_await",
                 "[options]") {
  const auto main = [](EventLoop& own) -> Coro<> {
    const LoopOptions options = co_await given({.debug = true, .slow_step = 5ms});
    CHECK(options.debug);
    CHECK(options.slow() == 5ms);
    const auto task = co_await own.create_task(given({.timing = true}));
    CHECK(task.timing);
    CHECK(task.slow() == 0ms);
  };
  loop.run_until_complete(main(loop));
  CHECK(LoopOptions{.debug = true}.slow() == 100ms);
}

}  // namespace test_metrics
