#include <algorithm>
#include <string>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/virtual_clock.hpp"
#include "treadle/report.hpp"
#include "treadle/sleep.hpp"
#include "treadle/task_tree.hpp"

namespace test_accounts {

using namespace std::chrono_literals;
using treadle::Clock;
using treadle::Coro;
using treadle::EventLoop;
using treadle::LoopMetrics;
using treadle::LoopObserver;
using treadle::LoopOptions;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskMetrics;
using treadle::to_json;
using treadle::to_table;
using treadle::WaitReason;
using treadle::WhenStuck;
using treadle::yield_now;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::Threads;
using treadle::testing::Trace;
using treadle::testing::VirtualClock;

struct Timed {
  Timed() { LoopFixture::restart_ids(); }

  VirtualClock clock;
  EventLoop loop{LoopOptions{.timing = true, .when_stuck = WhenStuck::kRaise}, clock};
};

// A clock that stands still, and knows how often it was asked.
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

Coro<> sleeps_and_works(VirtualClock& clock, Clock::duration work) {
  co_await Sleep(1s);
  clock.advance(work);
}

constexpr unsigned kLongest = __LINE__ + 5;
Coro<> uneven(VirtualClock& clock) {
  clock.advance(2ms);
  co_await yield_now();
  clock.advance(9ms);
  co_await yield_now();
  clock.advance(4ms);
}

Coro<> yields(int times) {
  for (int i = 0; i < times; ++i) co_await yield_now();
}

Coro<> joins(Task<> task) { co_await task; }

// ---- Times

TEST_CASE_METHOD(Timed, "Accounts: who was woken waits for its turn, and not for what woke it",
                 "[accounts]") {
  const auto hog = loop.create_task(sleeps_and_works(clock, 5ms));
  const auto second = loop.create_task(sleeps_and_works(clock, 0ms));
  loop.run_forever();
  const TaskMetrics metrics = second.metrics();
  CHECK(metrics.waits[WaitReason::kSleep] == 1s);
  CHECK(metrics.waits[WaitReason::kReady] == 5ms);
  CHECK(metrics.age == 1005ms);
  CHECK(hog.metrics().waits[WaitReason::kReady] == 0ms);
}

TEST_CASE_METHOD(Timed, "Accounts: the longest step is that, and its line", "[accounts]") {
  const auto task = loop.create_task(uneven(clock));
  loop.run_forever();
  const TaskMetrics metrics = task.metrics();
  CHECK(metrics.suspends == 2);
  CHECK(metrics.execution == 15ms);
  CHECK(metrics.longest_step == 9ms);
  CHECK(metrics.longest_step_end.line == kLongest);
  CHECK_THAT(metrics.longest_step_end.file, ContainsSubstring("test_accounts.cpp"));
}

TEST_CASE_METHOD(Timed, "Accounts: a join lasts to the end of the step that ended the other",
                 "[accounts]") {
  const auto slow = loop.create_task(sleeps_and_works(clock, 3ms));
  const auto waiter = loop.create_task(joins(slow));
  loop.run_forever();
  CHECK(waiter.metrics().waits[WaitReason::kJoin] == 1003ms);
  CHECK(waiter.metrics().suspended() == 1003ms);
  CHECK(waiter.metrics().execution == 0ms);
  CHECK(waiter.metrics().suspends == 1);
}

TEST_CASE_METHOD(Timed, "Accounts: created, started and finished are moments of the loop's clock",
                 "[accounts]") {
  const auto made = clock.now();
  const auto task = loop.create_task(sleeps_and_works(clock, 3ms));
  clock.advance(7ms);
  CHECK(task.metrics().started == Clock::time_point());
  loop.call_soon([&] { clock.advance(1ms); });
  loop.run_forever();
  const TaskMetrics metrics = task.metrics();
  CHECK(metrics.created == made);
  CHECK(metrics.started == made + 7ms);
  CHECK(metrics.finished == clock.now());
  CHECK(metrics.waits[WaitReason::kReady] == 7ms);
}

TEST_CASE_METHOD(Timed, "Accounts: a cancelled task's are closed as any other's", "[accounts]") {
  const auto task = loop.create_task(sleeps_and_works(clock, 3ms));
  loop.run_until_idle();
  clock.advance(200ms);
  loop.run_until_idle();
  task.cancel();
  loop.run_until_idle();
  clock.advance(1h);
  const TaskMetrics metrics = task.metrics();
  CHECK(metrics.state == "cancelled");
  CHECK(metrics.age == 200ms);
  CHECK(metrics.waits[WaitReason::kSleep] == 200ms);
}

// ---- Counts

TEST_CASE_METHOD(LoopFixture, "Accounts: all that a loop counts, of a small program",
                 "[accounts]") {
  loop.create_task(yields(1));
  loop.create_task(yields(1));
  loop.call_later(1s, [] {});
  loop.call_later(1s, [] {}).cancel();
  run_until_idle();
  CHECK(loop.metrics().turns == 3);  // the last of them found nobody
  advance(1s);
  const LoopMetrics metrics = loop.metrics();
  CHECK(metrics.turns == 5);
  CHECK(metrics.tasks_created == 2);
  CHECK(metrics.tasks_finished == 2);
  CHECK(metrics.tasks_failed + metrics.tasks_cancelled + metrics.tasks_alive() == 0);
  CHECK(metrics.most_ready == 2);
  CHECK(metrics.timers_armed == 2);
  CHECK(metrics.timers_fired == 1);
  CHECK(metrics.io_at_once + metrics.io_waits + metrics.posts + metrics.slow_steps == 0);
  CHECK(metrics.busy + metrics.polling + metrics.idle == 0s);
}

// ---- What it costs

TEST_CASE("Accounts: no clock is read where nobody asked for times", "[accounts]") {
  CountingClock clock;
  EventLoop loop(clock);
  for (int i = 0; i < 10; ++i) loop.create_task(yields(10));
  clock.readings = 0;
  loop.run_until_idle();
  CHECK(clock.readings == 0);
}

TEST_CASE("Accounts: an observer alone reads no clock", "[accounts]") {
  class Idle : public LoopObserver {
  } idle;
  CountingClock clock;
  EventLoop loop(clock);
  loop.add_observer(idle);
  clock.readings = 0;
  for (int i = 0; i < 10; ++i) loop.create_task(yields(10));
  loop.run_until_idle();
  CHECK(clock.readings == 0);
  loop.remove_observer(idle);
}

TEST_CASE("Accounts: who is warned of slow steps pays one reading a step", "[accounts]") {
  CountingClock clock;
  EventLoop loop(LoopOptions{.slow_step = 50ms}, clock);
  const auto task = loop.create_task(yields(99));
  clock.readings = 0;
  loop.run_until_idle();
  CHECK(clock.readings >= 100);
  CHECK(clock.readings <= 2 * 100 + 2);  // and one a turn, of which there are as many here
  CHECK_FALSE(task.metrics().timed);
}

TEST_CASE_METHOD(LoopFixture, "Accounts: without a limit no step is too slow", "[accounts]") {
  loop.create_task(uneven(clock));
  loop.call_soon([&] { clock.advance(1h); });
  run_until_idle();
  CHECK(errors.empty());
  CHECK(loop.metrics().slow_steps == 0);
}

TEST_CASE("Accounts: a slow last step is reported with the co_await before it", "[accounts]") {
  LoopFixture::restart_ids();
  VirtualClock clock;
  EventLoop loop(LoopOptions{.slow_step = 1ms, .when_stuck = WhenStuck::kRaise}, clock);
  Trace errors;
  loop.set_exception_handler([&](const auto& context) { errors.push_back(describe(context)); });
  loop.create_task(sleeps_and_works(clock, 3ms), "late");
  loop.run_forever();
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0],
             ContainsSubstring("late held the loop for 3ms, until its end after ") &&
                 ContainsSubstring("test_accounts::sleeps_and_works (test_accounts.cpp:"));
}

// ---- From other threads

TEST_CASE("Accounts: each snapshot adds up, whatever the loop does meanwhile",
          "[accounts][thread][real-time]") {
  LoopInThread other;
  EventLoop& loop = other.loop;
  std::atomic<bool> over = false;
  const auto busy = loop.create_task([](std::atomic<bool>& end) -> Coro<> {
    while (!end) {
      co_await yield_now();
      co_await Sleep(1us);
    }
  }(over));
  std::atomic<int> wrong = 0;
  Threads threads;
  threads.start_together(3, [&](int) {
    for (int i = 0; i < 100; ++i) {
      const LoopMetrics metrics = loop.metrics();
      if (metrics.tasks_created != 1 || metrics.tasks_alive() != 1) ++wrong;
      if (metrics.timers_fired > metrics.timers_armed) ++wrong;
      if (busy.metrics().state == "finished") ++wrong;
      if (busy.stack().size() != 1 || loop.all_tasks().size() != 1) ++wrong;
      if (task_tree(loop).empty() || to_json(metrics).empty()) ++wrong;
    }
  });
  threads.join();
  over = true;
  CHECK(wrong == 0);
  CHECK(treadle::testing::comes_true([&] { return busy.done(); }));
}

// ---- On paper

TEST_CASE_METHOD(Timed, "Accounts: JSON escapes a name, whatever is in it", "[accounts][json]") {
  const auto task = loop.create_task(yields(1), "a \"b\"\n\x01 \\ Grüße \xff");
  loop.run_until_idle();
  const std::string json = to_json(task.metrics());
  CHECK_THAT(json, ContainsSubstring(R"("name":"a \"b\"\n\u0001 \\ Grüße \ufffd",)"));
  CHECK(std::none_of(json.begin(), json.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
  CHECK(to_json(std::vector<TaskMetrics>()) == "[]");
}

TEST_CASE_METHOD(Timed, "Accounts: tables have columns, and a heading where there is no task",
                 "[accounts][table]") {
  CHECK(to_table(std::vector<TaskMetrics>()) == "task  state  suspends\n");
  const auto task = loop.create_task(uneven(clock), "uneven");
  loop.run_until_idle();
  const std::string table = to_table({task.metrics()});
  CHECK_THAT(table, ContainsSubstring("uneven  finished") && ContainsSubstring(" 15ms") &&
                        ContainsSubstring("test_accounts::uneven"));
  CHECK_THAT(to_table(loop.metrics()),
             ContainsSubstring("1 created, 0 alive") && ContainsSubstring("15ms busy"));
}

TEST_CASE_METHOD(LoopFixture, "Accounts: a table's columns stand, whatever is in a name",
                 "[accounts][table]") {
  std::vector<TaskMetrics> tasks;
  for (const char* name :
       {"two\nlines", "\x1b[31mred", "a \"b\" \\", "Grüße", "漢字漢字漢字", "plain"})
    tasks.push_back(loop.create_task(yields(1), name).metrics());
  run_until_idle();
  CHECK(to_table(tasks) ==
        R"(task            state  suspends
two\nlines    pending  0
\x1b[31mred   pending  0
a \"b\" \\    pending  0
Grüße         pending  0
漢字漢字漢字  pending  0
plain         pending  0
)");
}

}  // namespace test_accounts
