// What a loop and its tasks answer to other threads, and when: while nobody runs the loop, while it runs, after its end.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/allocation_failure.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"

namespace test_any_thread {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::LoopClosedError;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskState;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::FailingAllocation;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::put;
using treadle::testing::SocketPair;
using treadle::testing::Threads;
using treadle::testing::Trace;

Coro<std::thread::id> where_it_runs() { co_return std::this_thread::get_id(); }

Coro<int> gives(int value) { co_return value; }

Coro<int> fails() {
  co_await yield_now();
  throw std::runtime_error("no");
}

Coro<> sleeps_long() { co_await Sleep(1h); }

/// What comes out of a cancelled task.
std::string why_cancelled(const AnyTask& task) {
  try {
    static_cast<void>(task.exception());
  } catch (const CancelledError& error) {
    return error.message();
  }
  return "not cancelled";
}

/// True once `task` has got so far that it waits.
bool comes_to_wait(const AnyTask& task) {
  return comes_true([&] { return !task.waits_for().empty(); });
}

// ---- create_task

TEST_CASE_METHOD(LoopFixture,
                 "AnyThread: a task may be made by any thread while nobody runs the loop",
                 "[any_thread][task][real-time]") {
  auto task = in_thread([this] { return loop.create_task(where_it_runs()); });
  CHECK(task.state() == TaskState::kPending);
  run_until_idle();
  CHECK(task.result() == std::this_thread::get_id());
}

TEST_CASE("AnyThread: a task that another thread makes runs on the loop's, and wakes it",
          "[any_thread][task][real-time]") {
  LoopInThread other;
  const auto task = other.loop.create_task(where_it_runs());
  REQUIRE(comes_true([&] { return task.done(); }));
  CHECK(task.result() != std::this_thread::get_id());
}

TEST_CASE("AnyThread: tasks made by several threads at once are all run, each by its own number",
          "[any_thread][task][real-time]") {
  constexpr int kThreads = 4, kTasks = 300;
  std::vector<std::vector<Task<int>>> made(kThreads);
  LoopInThread other;
  Threads threads;
  threads.start_together(kThreads, [&](int thread) {
    auto& mine = made[static_cast<std::size_t>(thread)];
    for (int i = 0; i < kTasks; ++i) mine.push_back(other.loop.create_task(gives(i)));
  });
  threads.join();
  std::set<treadle::TaskBlock::Id> ids;
  bool all_right = true;
  for (const auto& tasks : made) {
    for (int i = 0; i < kTasks; ++i) {
      const Task<int>& task = tasks[static_cast<std::size_t>(i)];
      REQUIRE(comes_true([&] { return task.done(); }));
      all_right = all_right && task.result() == i;
      ids.insert(task.id());
    }
  }
  CHECK(all_right);
  CHECK(ids.size() == std::size_t{kThreads} * kTasks);
}

TEST_CASE("AnyThread: who sees that a task is done sees its result",
          "[any_thread][task][real-time]") {
  LoopInThread other;
  bool all_right = true;
  for (int i = 0; i < 300; ++i) {
    auto task = other.loop.create_task([](int n) -> Coro<std::vector<int>> {
      co_await yield_now();
      co_return std::vector<int>(20, n);
    }(i));
    while (!task.done()) {
    }
    all_right = all_right && std::move(task).take() == std::vector<int>(20, i);
  }
  CHECK(all_right);
}

TEST_CASE("AnyThread: the only handle moves the value out, several copy it",
          "[any_thread][task][real-time]") {
  LoopInThread other;
  auto only = other.loop.create_task(
      []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(7); }());
  REQUIRE(comes_true([&] { return only.done(); }));
  CHECK(*std::move(only).take() == 7);
  for (int i = 0; i < 100; ++i) {
    const auto task =
        other.loop.create_task([]() -> Coro<std::string> { co_return std::string(50, 'x'); }());
    REQUIRE(comes_true([&] { return task.done(); }));
    std::atomic<int> right = 0;
    Threads threads;
    threads.start_together(2, [&right, task](int) {
      Task<std::string> mine = task;
      if (std::move(mine).take() == std::string(50, 'x')) ++right;
    });
    threads.join();
    REQUIRE(right == 2);
  }
}

// ---- call_later, call_at

TEST_CASE("AnyThread: call_later from another thread wakes a loop that sleeps",
          "[any_thread][call_later][real-time]") {
  LoopInThread other;
  std::atomic<bool> ran = false;
  const auto handle = other.loop.call_later(1ms, [&] { ran = true; });
  CHECK(comes_true([&] { return ran.load(); }));
  CHECK(handle.when() <= other.loop.time());
}

TEST_CASE("AnyThread: a loop that sleeps for an hour hears of an earlier deadline",
          "[any_thread][call_later][real-time]") {
  LoopInThread other;
  std::atomic<int> ran = 0;
  other.loop.call_later(1h, [] {});
  for (int i = 1; i <= 20; ++i) {
    other.loop.call_at(other.loop.time() + 100us, [&] { ++ran; });
    REQUIRE(comes_true([&] { return ran == i; }));
  }
}

TEST_CASE_METHOD(LoopFixture,
                 "AnyThread: call_later while nobody runs the loop counts from the call",
                 "[any_thread][call_later][real-time]") {
  in_thread([this] {
    loop.call_later(2s, [this] { note("second"); });
    loop.call_later(1s, [this] { note("first"); });
  });
  loop.run_forever();
  CHECK(trace == Trace{"first", "second"});
  CHECK(clock.elapsed() == 2s);
}

// ---- cancel

TEST_CASE("AnyThread: a task that waits is cancelled from another thread, which is said",
          "[any_thread][cancel][real-time]") {
  LoopInThread other;
  const auto task = other.loop.create_task(sleeps_long());
  REQUIRE(comes_to_wait(task));
  CHECK(task.cancel("enough"));
  REQUIRE(comes_true([&] { return task.done(); }));
  CHECK(task.cancelled());
  CHECK(why_cancelled(task) == "cancelled by another thread: enough");
  CHECK_FALSE(task.cancel());
}

TEST_CASE("AnyThread: a cancel that finds no memory for its way to the loop is not counted",
          "[any_thread][cancel][allocation][real-time]") {
  LoopInThread other;
  const auto task = other.loop.create_task(sleeps_long());
  REQUIRE(comes_to_wait(task));
  int failures = 0;
  for (bool asked = false; !asked; failures += asked ? 0 : 1) {
    const FailingAllocation failing(static_cast<std::size_t>(failures));
    try {
      asked = task.cancel("a reason that is longer than a short string");
    } catch (const std::bad_alloc&) {
      CHECK(task.cancelling() == 0);
    }
  }
  CHECK(failures >= 3);  // of the words, of the request, and of its way
  REQUIRE(comes_true([&] { return task.done(); }));
}

TEST_CASE_METHOD(LoopFixture,
                 "AnyThread: a task is cancelled by any thread while nobody runs the loop",
                 "[any_thread][cancel][real-time]") {
  const auto waits = spawn("waits", sleeps_long());
  run_until_idle();
  const auto pending = spawn("pending", [this]() -> Coro<> {
    note("never");
    co_return;
  });
  CHECK(in_thread([&] { return waits.cancel("one") && pending.cancel("two"); }));
  CHECK(waits.cancelling() == 1);
  CHECK(waits.waits_for().empty());  // withdrawn at once
  run_until_idle();
  CHECK(why_cancelled(waits) == "cancelled: one");
  CHECK(why_cancelled(pending) == "cancelled: two");
  CHECK(trace.empty());
  loop.run_forever();
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(LoopFixture, "AnyThread: a task that runs hears of it where it waits next",
                 "[any_thread][cancel][real-time]") {
  const auto task = spawn("task", [this]() -> Coro<> {
    const AnyTask self = co_await treadle::get_current_task();
    in_thread([&] { self.cancel("from outside"); });
    note("goes on");
    co_await yield_now();  // the loop hears of it in the turn after this one
    note("and on");
    co_await Sleep(1h);
    note("never");
  });
  run_until_idle();
  CHECK(trace.front() == "goes on");
  CHECK(std::find(trace.begin(), trace.end(), "never") == trace.end());
  CHECK(task.cancelled());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(LoopFixture, "AnyThread: a task that always finds bytes hears of it",
                 "[any_thread][cancel][read][real-time]") {
  SocketPair pair;
  int received = 0;
  const auto task = spawn("task", [&]() -> Coro<> {
    const AnyTask self = co_await treadle::get_current_task();
    in_thread([&] { self.cancel("from outside"); });
    std::array<char, 1> buffer;
    for (; received < 10'000; ++received) {
      put(pair.b, "x");
      co_await ReadSocket(pair.a, buffer);
    }
  });
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(received < 1000);
}

TEST_CASE_METHOD(LoopFixture,
                 "AnyThread: cancelled in the turn that wakes it, it keeps what it was woken with",
                 "[any_thread][cancel][turn][real-time]") {
  // The cancel lies in the inbox when the timer is due: the loop takes the inbox first.
  const auto task = spawn("task", [this]() -> Coro<> {
    co_await Sleep(1s);
    note("slept");
    co_await Sleep(1s);
    note("never");
  });
  run_until_idle();
  loop.call_later(1s, [&] {
    // It was woken in this turn and is ready behind us. What we ask for now comes in the next turn.
    in_thread([&] { task.cancel(); });
  });
  loop.run_forever();
  CHECK(task.cancelled());
  CHECK(trace.size() <= 1);  // as the timers were armed: woken first, it keeps its sleep
}

TEST_CASE("AnyThread: several threads that cancel are counted, and heard once",
          "[any_thread][cancel][real-time]") {
  LoopInThread other;
  std::atomic<int> heard = 0;
  std::atomic<bool> go = false;
  const auto task =
      other.loop.create_task([](std::atomic<int>& count, std::atomic<bool>& may_end) -> Coro<> {
        for (;;) {
          try {
            co_await Sleep(1h);
          } catch (const CancelledError&) {
            ++count;
            break;
          }
        }
        while (!may_end) co_await yield_now();
      }(heard, go));
  REQUIRE(comes_to_wait(task));
  Threads threads;
  other.loop.call_soon([&] {
    // All of them ask while the loop is busy: it hears them in one turn.
    Threads inner;
    inner.start_together(4, [&](int) { task.cancel(); });
    inner.join();
  });
  REQUIRE(comes_true([&] { return heard == 1 && task.cancelling() == 4; }));
  CHECK(in_thread([&] { return task.uncancel(); }) == 3);
  CHECK(task.uncancel() == 2);
  go = true;
  REQUIRE(comes_true([&] { return task.done(); }));
  CHECK(heard == 1);
}

TEST_CASE_METHOD(LoopFixture,
                 "AnyThread: what was asked for and taken back before it was heard is not heard",
                 "[any_thread][cancel][real-time]") {
  const auto task = spawn("task", [this]() -> Coro<> {
    const AnyTask self = co_await treadle::get_current_task();
    self.cancel();
    in_thread([&] { self.uncancel(); });
    note(std::to_string(self.cancelling()));
    // Through the inbox: heard before the next step.
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"0"});
  CHECK(task.state() == TaskState::kFinished);
}

// ---- stop, and who runs

TEST_CASE("AnyThread: stop ends run_forever of a loop that sleeps",
          "[any_thread][stop][real-time]") {
  EventLoop loop;
  const auto never = loop.call_later(1h, [] {});
  const int polls = calls(Call::kPoll);
  Threads threads;
  threads.start([&] {
    comes_true([&] { return calls(Call::kPoll) > polls; });  // the loop sleeps, or is about to
    loop.stop();
  });
  loop.run_forever();
  CHECK_FALSE(loop.is_running());
  threads.join();
}

TEST_CASE("AnyThread: run_until_complete says that it was stopped, and can be taken up again",
          "[any_thread][stop][real-time]") {
  EventLoop loop;
  std::atomic<bool> go = false;
  const auto task = loop.create_task([](std::atomic<bool>& may_end) -> Coro<int> {
    while (!may_end) co_await Sleep(100us);
    co_return 7;
  }(go));
  Threads threads;
  threads.start([&] {
    while (!loop.is_running()) std::this_thread::yield();
    loop.stop();
  });
  CHECK_THROWS_AS(loop.run_until_complete(task), InvalidStateError);
  threads.join();
  go = true;
  CHECK(loop.run_until_complete(task) == 7);
}

TEST_CASE("AnyThread: a loop is run by one thread at a time", "[any_thread][run][real-time]") {
  LoopInThread other;
  CHECK(other.loop.is_running());
  CHECK_THROWS_WITH(other.loop.run_until_idle(), "this loop is running already");
  CHECK_THROWS_WITH(other.loop.run_forever(), "this loop is running already");
  CHECK_THROWS_AS(other.loop.run_until_complete(gives(1)), InvalidStateError);
  CHECK_THROWS_WITH(other.loop.close(), "a loop that runs cannot be closed: stop() it first");
  CHECK(other.loop.is_running());
}

TEST_CASE("AnyThread: a loop that one thread has run may be run by another, and its tasks go on",
          "[any_thread][run][real-time]") {
  EventLoop loop;
  const auto task = loop.create_task([]() -> Coro<std::vector<std::thread::id>> {
    std::vector<std::thread::id> places;
    for (int i = 0; i < 3; ++i) {
      places.push_back(std::this_thread::get_id());
      co_await yield_now();
    }
    co_return places;
  }());
  const auto one_turn = [&] {
    loop.stop();
    loop.run_until_idle();
  };
  one_turn();
  in_thread(one_turn);
  one_turn();
  in_thread(one_turn);
  REQUIRE(task.done());
  const auto places = task.result();
  CHECK(places[0] == std::this_thread::get_id());
  CHECK(places[1] != places[0]);
  CHECK(places[2] == places[0]);
}

TEST_CASE_METHOD(LoopFixture, "AnyThread: another thread than the loop's runs no task of it",
                 "[any_thread][run][real-time]") {
  const auto task = spawn("task", [this]() -> Coro<> {
    note(loop.current_task() ? "a task" : "none");
    note(in_thread([this] { return static_cast<bool>(loop.current_task()); }) ? "a task" : "none");
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"a task", "none"});
}

// ---- Done callbacks

TEST_CASE(
    "AnyThread: done callbacks of another thread run on the loop's, in the order of the calls",
    "[any_thread][done_callback][real-time]") {
  LoopInThread other;
  const auto task = other.loop.create_task(sleeps_long());
  std::vector<int> ran;
  std::atomic<std::thread::id> place = std::thread::id();
  for (int i = 0; i < 3; ++i) task.add_done_callback([&ran, i] { ran.push_back(i); });
  task.cancel();
  REQUIRE(comes_true([&] { return task.done(); }));
  task.add_done_callback([&](const AnyTask& done) {
    ran.push_back(done.cancelled() ? 3 : -1);
    place = std::this_thread::get_id();
  });
  REQUIRE(comes_true([&] { return place.load() != std::thread::id(); }));
  CHECK(place.load() != std::this_thread::get_id());
  CHECK(ran == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE_METHOD(LoopFixture,
                 "AnyThread: a done callback may be left by any thread while nobody runs the loop",
                 "[any_thread][done_callback][real-time]") {
  const auto task = spawn("task", gives(1));
  in_thread([&] { task.add_done_callback([this] { note("first"); }); });
  run_until_idle();
  in_thread([&] { task.add_done_callback([this] { note("second"); }); });
  CHECK(trace == Trace{"first"});
  run_until_idle();
  CHECK(trace == Trace{"first", "second"});
}

TEST_CASE("AnyThread: a done callback runs once, though the task ends in the same moment",
          "[any_thread][done_callback][real-time]") {
  constexpr int kRounds = 500;
  std::atomic<int> ran = 0;
  LoopInThread other;
  for (int i = 0; i < kRounds; ++i) {
    const auto task = other.loop.create_task(gives(i));
    if (i % 2 == 0) std::this_thread::yield();
    task.add_done_callback([&] { ++ran; });
  }
  REQUIRE(comes_true([&] { return ran >= kRounds; }));
  other.end();
  other.loop.run_until_idle();
  CHECK(ran == kRounds);
}

// ---- Questions

TEST_CASE("AnyThread: what a task waits for is told to other threads",
          "[any_thread][waits_for][real-time]") {
  LoopInThread other;
  const auto task = other.loop.create_task(sleeps_long());
  const auto joins = other.loop.create_task([](Task<> what) -> Coro<> { co_await what; }(task));
  REQUIRE(comes_to_wait(joins));
  CHECK(task.waits_for() == "sleep of 3600s");
  CHECK(joins.waits_for() == task.label());
  CHECK(task.state() == TaskState::kSuspended);
  task.cancel();
  REQUIRE(comes_true([&] { return joins.done(); }));
  CHECK(joins.waits_for().empty());
}

TEST_CASE_METHOD(
    LoopFixture,
    "AnyThread: a thread that runs a loop is not made to wait for an answer of another",
    "[any_thread][waits_for][real-time]") {
  LoopInThread other;
  const auto task = other.loop.create_task(sleeps_long());
  REQUIRE(comes_to_wait(task));
  loop.call_soon([&] {
    try {
      note(task.waits_for());
    } catch (const InvalidStateError& error) {
      note(error.what());
    }
  });
  run_until_idle();
  CHECK(trace == Trace{"to wait for another thread would block the loop that this one runs"});
}

TEST_CASE("AnyThread: a failed task's error is told to other threads, and then not to the handler",
          "[any_thread][errors][real-time]") {
  std::atomic<int> told = 0;
  {
    LoopInThread other;
    other.loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
    const auto task = other.loop.create_task(fails());
    REQUIRE(comes_true([&] { return task.done(); }));
    CHECK(task.state() == TaskState::kFailed);
    CHECK_THROWS_WITH(task.result(), "no");
    CHECK(task.exception() != nullptr);
  }
  CHECK(told == 0);
}

// ---- Errors that nobody asked for

TEST_CASE(
    "AnyThread: the last handle to a failed task goes on another thread: the loop reports, on its "
    "own",
    "[any_thread][errors][real-time]") {
  std::atomic<int> told = 0;
  std::atomic<std::thread::id> place = std::thread::id();
  LoopInThread other;
  other.loop.set_exception_handler([&](const treadle::ErrorContext& context) {
    if (context.message.ends_with(" failed and nobody awaited it")) ++told;
    place = std::this_thread::get_id();
  });
  {
    const auto task = other.loop.create_task(fails());
    REQUIRE(comes_true([&] { return task.done(); }));
    CHECK(told == 0);  // it may be asked for still
  }
  REQUIRE(comes_true([&] { return told == 1; }));
  CHECK(place.load() != std::this_thread::get_id());
}

TEST_CASE_METHOD(
    LoopFixture,
    "AnyThread: while nobody runs the loop, who drops the last handle to a failed task reports it",
    "[any_thread][errors][real-time]") {
  auto task = spawn("task", fails());
  run_until_idle();
  in_thread([handle = std::move(task)]() mutable { handle = Task<int>(); });
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: no"});
}

TEST_CASE("AnyThread: two threads drop the last handles to a failed task, and it is reported once",
          "[any_thread][errors][real-time]") {
  std::atomic<int> told = 0;
  constexpr int kRounds = 200;
  {
    LoopInThread other;
    other.loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
    for (int i = 0; i < kRounds; ++i) {
      std::optional<Task<int>> first = other.loop.create_task(fails());
      std::optional<Task<int>> second = first;
      REQUIRE(comes_true([&] { return first->done(); }));
      Threads threads;
      threads.start_together(2, [&](int thread) { (thread == 0 ? first : second).reset(); });
      threads.join();
      REQUIRE(comes_true([&] { return told == i + 1; }));
    }
  }
  CHECK(told == kRounds);
}

TEST_CASE("AnyThread: a handle dropped in the moment in which its task fails hides no error",
          "[any_thread][errors][real-time]") {
  std::atomic<int> told = 0;
  constexpr int kRounds = 2000;
  LoopInThread other;
  other.loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
  for (int i = 0; i < kRounds; ++i) {
    auto task = other.loop.create_task(fails());
    for (int spin = i % 50; spin > 0; --spin) static_cast<void>(task.done());
    if (i % 4 == 0) std::this_thread::yield();
  }
  // All of them, while the loop runs: not only when it goes and looks what is left.
  CHECK(comes_true([&] { return told == kRounds; }));
}

TEST_CASE_METHOD(LoopFixture, "AnyThread: an exception handler may be set by any thread",
                 "[any_thread][errors][real-time]") {
  std::atomic<bool> over = false;
  std::atomic<int> told = 0;
  Threads threads;
  threads.start([&] {
    while (!over) loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
  });
  loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
  for (int i = 0; i < 300; ++i) {
    loop.call_soon([] { throw std::runtime_error("no"); });
    run_until_idle();
  }
  over = true;
  threads.join();
  CHECK(told == 300);
}

// ---- After the loop

TEST_CASE("AnyThread: handles outlive their loop on other threads, and answer",
          "[any_thread][lifetime][real-time]") {
  AllocationCheck memory;
  {
    std::optional<Task<int>> finished, cancelled;
    {
      EventLoop loop;
      finished = loop.create_task(gives(7));
      loop.run_until_idle();
      cancelled = loop.create_task([]() -> Coro<int> {
        co_await Sleep(1h);
        co_return 8;
      }());
      loop.run_until_idle();
    }
    const std::string trouble = in_thread([&]() -> std::string {
      if (finished->result() != 7) return "its result is lost";
      if (!cancelled->cancelled()) return "it is not cancelled";
      if (why_cancelled(*cancelled) != "cancelled because the loop closes")
        return why_cancelled(*cancelled);
      if (finished->cancel() || cancelled->cancel()) return "it can be cancelled";
      if (!finished->waits_for().empty()) return "it waits";
      if (finished->uncancel() != 0) return "it was cancelled";
      bool takes_callbacks = true;
      try {
        finished->add_done_callback([] {});
      } catch (const LoopClosedError&) {
        takes_callbacks = false;
      }
      if (takes_callbacks) return "it takes callbacks";
      finished.reset();
      cancelled.reset();
      return "";
    });
    CHECK(trouble == "");
  }
  CHECK(memory.balanced());
}

TEST_CASE("AnyThread: handles that many threads hold and drop leave nothing behind",
          "[any_thread][lifetime][real-time]") {
  Counted::reset();
  std::vector<Task<int>> tasks;
  {
    LoopInThread other;
    Threads threads;
    for (int i = 0; i < 100; ++i)
      tasks.push_back(other.loop.create_task([](Counted argument) -> Coro<int> {
        co_await yield_now();
        co_return argument.value();
      }(Counted(i))));
    threads.start_together(4, [&tasks](int) {
      for (int round = 0; round < 20; ++round) {
        const std::vector<Task<int>> mine = tasks;
        for (const auto& task : mine) static_cast<void>(task.done());
      }
    });
    threads.join();
    REQUIRE(comes_true([&] { return tasks.back().done(); }));
  }
  tasks.clear();
  CHECK(Counted::live() == 0);
}

}  // namespace test_any_thread
