// Other threads and the loop's sleep: who might still bring something is waited for, and who is on the wrong thread is
// told so.
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/run.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"
#include "treadle/wait_list.hpp"

namespace test_threads {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::DeadlockError;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::Readiness;
using treadle::ReadSocket;
using treadle::run_coroutine_threadsafe;
using treadle::run_in_thread;
using treadle::Sleep;
using treadle::ThreadPool;
using treadle::TreadlePromise;
using treadle::Waiter;
using treadle::WaitList;
using treadle::WhenStuck;
using treadle::WrongThreadError;
using treadle::yield_now;
using treadle::testing::AsIfNoThreadEver;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_to_sleep;
using treadle::testing::comes_true;
using treadle::testing::in_child;
using treadle::testing::in_thread;
using treadle::testing::is_asleep;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::NoThreads;
using treadle::testing::said_in_dying;
using treadle::testing::SocketPair;
using treadle::testing::this_thread_number;
using treadle::testing::ThreadedLoopFixture;
using treadle::testing::Threads;
using treadle::testing::Trace;

/// Waits in a list until somebody wakes it.
class Waits : public Waiter {
 public:
  explicit Waits(WaitList& list) : list_(list) {}
  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    list_.add(*this);
    suspend(caller.promise());
  }
  void await_resume() const noexcept {}
  std::string waits_for() const override { return "the list"; }

 private:
  WaitList& list_;
};

Coro<> wait_in(WaitList& list) { co_await Waits(list); }

/// Has a thread of the pool at work until `over` is set.
Coro<> works_until(ThreadPool& pool, std::atomic<bool>& over) {
  auto job = [&over] {
    while (!over) std::this_thread::sleep_for(1ms);
  };
  co_await run_in_thread(std::move(job), pool);
}

// ---- A loop that is stuck

/// A loop as it is without options, in a process that has had a thread. Counts what its handler is told.
class DefaultFixture : public LoopFixture {
 public:
  DefaultFixture() : LoopFixture(WhenStuck::kDefault) {
    in_thread([] {});
    loop.set_exception_handler([this](const treadle::ErrorContext& context) {
      errors.push_back(describe(context));
      ++reports;
    });
  }

  /// Waits on another thread for so many reports, and then calls `f()` in a turn of the loop.
  template <class F>
  void after_reports(int count, F f) {
    threads.start([this, count, f] {
      comes_true([&] { return reports >= count; });
      loop.call_soon_threadsafe(f);
    });
  }

  std::atomic<int> reports = 0;
  Threads threads;
};

const std::string kOnlyOthers = "nothing is left to run unless another thread brings it: ";

TEST_CASE("Threads: a stuck loop raises while the process has never started a thread",
          "[threads][deadlock]") {
  const AsIfNoThreadEver alone;
  EventLoop loop;
  WaitList list;
  const auto task = loop.create_task(wait_in(list));
  CHECK_THROWS_AS(loop.run_forever(), DeadlockError);
  CHECK_THROWS_AS(loop.run_until_complete(task), DeadlockError);
  CHECK_FALSE(loop.run_once());
  list.wake_one();
  loop.run_forever();  // returns, as nothing is left
  CHECK(task.done());
}

TEST_CASE_METHOD(DefaultFixture,
                 "Threads: in a process with threads a stuck loop says what waits, and waits",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  const auto first = spawn("first", wait_in(list));
  const auto second = spawn("second", wait_in(list));
  after_reports(1, [&] { list.wake_all(); });
  loop.run_until_complete(first);
  CHECK(second.done());
  CHECK(errors == Trace{kOnlyOthers + "Task-1 waits for the list, Task-2 waits for the list"});
}

TEST_CASE_METHOD(DefaultFixture,
                 "Threads: a stuck loop that is woken in vain reports nothing a second time",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  const auto task = spawn("task", [&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) co_await Waits(list);
  });
  after_reports(1, [] {});
  loop.run_once();  // reports, and waits
  for (int i = 0; i < 3; ++i) {
    after_reports(1, [] {});  // a callback that changes nothing
    loop.run_once();
    loop.call_soon([&] { list.wake_one(); });
    run_until_idle();  // and a task that goes round
  }
  CHECK(task.done());
  CHECK(errors.size() == 1);
}

TEST_CASE_METHOD(DefaultFixture, "Threads: a stuck loop reports again when other tasks wait",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  const auto first = spawn("first", wait_in(list));
  after_reports(1, [&] { list.wake_one(); });
  loop.run_until_complete(first);
  const auto second = spawn("second", wait_in(list));
  after_reports(2, [&] { list.wake_one(); });
  loop.run_until_complete(second);
  CHECK(errors == Trace{kOnlyOthers + "Task-1 waits for the list",
                        kOnlyOthers + "Task-2 waits for the list"});
}

TEST_CASE_METHOD(DefaultFixture, "Threads: of very many tasks that wait, a report names the oldest",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  for (int i = 0; i < 1000; ++i) spawn("task", wait_in(list));
  after_reports(1, [this] { loop.stop(); });
  loop.run_forever();
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], ContainsSubstring("Task-20 waits for the list, and 980 more"));
  CHECK_THAT(errors[0], !ContainsSubstring("Task-21"));
}

TEST_CASE_METHOD(DefaultFixture,
                 "Threads: run_forever without a task waits for other threads, and reports nothing",
                 "[threads][deadlock][real-time]") {
  threads.start([this, polls = calls(Call::kPoll)] {
    comes_true([&] { return calls(Call::kPoll) > polls; });  // it sleeps, or is about to
    loop.call_soon([this] {
      note("came");
      loop.stop();
    });
  });
  loop.run_forever();
  CHECK(trace == Trace{"came"});
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(DefaultFixture, "Threads: run_once of a stuck loop waits for other threads",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  run_until_idle();
  after_reports(1, [this] { note("came"); });
  CHECK(loop.run_once());
  CHECK(trace == Trace{"came"});
}

TEST_CASE_METHOD(LoopFixture, "Threads: a loop that is to raise does so in a process with threads",
                 "[threads][deadlock][real-time]") {
  in_thread([] {});
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  CHECK_THROWS_WITH(loop.run_forever(),
                    "nothing is left to run, and tasks still wait: Task-1 waits for the list");
  CHECK_THROWS_AS(loop.run_until_complete(task), DeadlockError);
  CHECK_FALSE(loop.run_once());
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(ThreadedLoopFixture,
                 "Threads: a loop that is to wait does so without a word, in one system call",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  run_until_idle();
  const int polls = calls(Call::kPoll);
  const long runner = this_thread_number();
  Threads threads;
  threads.start([&, runner] {
    comes_true([&] { return calls(Call::kPoll) > polls && is_asleep(runner); });
    loop.call_soon_threadsafe([&] { list.wake_one(); });
  });
  loop.run_until_complete(task);
  CHECK(calls(Call::kPoll) - polls <= 2);  // the wake-up may be taken in passing
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(ThreadedLoopFixture, "Threads: what other threads bring and end is not missed",
                 "[threads][deadlock][real-time]") {
  for (int i = 0; i < 12; ++i) {
    WaitList list;
    const auto task = spawn("task", wait_in(list));
    run_until_idle();
    Threads threads;
    threads.start([&, i] {
      // So that it comes now before and now after the loop sleeps, mostly; nothing depends on it.
      if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i * 70));
      loop.call_soon_threadsafe([&] { list.wake_one(); });
    });
    loop.run_until_complete(task);
  }
}

// ---- Work outside of the loop

TEST_CASE_METHOD(LoopFixture, "Threads: a job in a pool is waited for, and then the end is noticed",
                 "[threads][deadlock][run_in_thread][real-time]") {
  ThreadPool pool(1);
  const auto task = loop.create_task([](ThreadPool& threads) -> Coro<int> {
    co_return co_await run_in_thread(
        [polls = calls(Call::kPoll)] {
          comes_true(
              [&] { return calls(Call::kPoll) > polls; });  // the loop sleeps, or is about to
          return 7;
        },
        threads);
  }(pool));
  loop.run_forever();  // returns, as nothing is left
  CHECK_FALSE(hung());
  CHECK(task.result() == 7);
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(LoopFixture, "Threads: a pool with idle threads is no work of the loop",
                 "[threads][deadlock][run_in_thread][real-time]") {
  ThreadPool pool(2);
  loop.run_until_complete(
      [](ThreadPool& threads) -> Coro<> { co_await run_in_thread([] {}, threads); }(pool));
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  CHECK_THROWS_AS(loop.run_until_complete(task), DeadlockError);
}

TEST_CASE_METHOD(LoopFixture, "Threads: a job that no task waits for any more is none either",
                 "[threads][deadlock][run_in_thread][cancel][real-time]") {
  std::atomic<bool> over = false;
  ThreadPool pool(1);
  const auto task = loop.create_task(works_until(pool, over));
  run_until_idle();
  task.cancel();
  loop.run_forever();  // returns while the thread is at work
  CHECK(task.cancelled());
  over = true;
}

TEST_CASE_METHOD(LoopFixture, "Threads: a job that the pool refuses is no work of the loop",
                 "[threads][deadlock][run_in_thread][real-time]") {
  ThreadPool pool(1);
  {
    const NoThreads none;
    const auto task = loop.create_task(
        [](ThreadPool& threads) -> Coro<> { co_await run_in_thread([] {}, threads); }(pool));
    CHECK_THROWS_AS(loop.run_until_complete(task), std::system_error);
  }
  WaitList list;
  const auto next = spawn("next", wait_in(list));
  CHECK_THROWS_AS(loop.run_until_complete(next), DeadlockError);
}

TEST_CASE_METHOD(LoopFixture,
                 "Threads: a task of another loop is waited for, and then the end is noticed",
                 "[threads][deadlock][remote][real-time]") {
  LoopInThread other;
  const auto task = loop.create_task([](EventLoop& there) -> Coro<int> {
    co_return co_await run_coroutine_threadsafe(there, [](int polls) -> Coro<int> {
      comes_true([&] { return calls(Call::kPoll) > polls; });  // the loop sleeps, or is about to
      co_return 7;
    }(calls(Call::kPoll)));
  }(other.loop));
  loop.run_forever();
  CHECK_FALSE(hung());
  CHECK(task.result() == 7);
}

TEST_CASE_METHOD(LoopFixture, "Threads: one that is waited for no more counts no more",
                 "[threads][deadlock][remote][cancel][real-time]") {
  LoopInThread other;
  WaitList list;
  const auto task = loop.create_task([](EventLoop& there, WaitList& never) -> Coro<> {
    co_await run_coroutine_threadsafe(there, wait_in(never));
  }(other.loop, list));
  run_until_idle();
  task.cancel();
  loop.run_forever();
  CHECK(task.cancelled());
  other.end();
  other.loop.close();
}

TEST_CASE("Threads: in a process that has never started one, a task of another loop never ends",
          "[threads][deadlock][remote]") {
  const AsIfNoThreadEver alone;
  EventLoop loop, other;
  const auto task = loop.create_task([](EventLoop& there) -> Coro<> {
    co_await run_coroutine_threadsafe(there, []() -> Coro<> { co_await yield_now(); }());
  }(other));
  CHECK_THROWS_WITH(loop.run_until_complete(task), ContainsSubstring("of another loop"));
  other.run_forever();
  loop.run_until_complete(task);
}

// ---- A clock that jumps

/// A test's clock, and a deadline that is far away by it.
class JumpFixture : public LoopFixture {
 public:
  JumpFixture() {
    loop.call_later(100s, [this] { note("deadline"); });
  }

  /// The deadline has not come, and comes only when the clock may jump.
  void check_the_deadline_came_last(const std::string& first) {
    CHECK(trace == Trace{first});
    CHECK(clock.elapsed() == 0ns);
    loop.run_forever();
    CHECK(trace == Trace{first, "deadline"});
    CHECK(clock.elapsed() == 100s);
  }
};

TEST_CASE_METHOD(JumpFixture, "Threads: a clock that jumps does not jump over a job in a thread",
                 "[threads][clock][run_in_thread][real-time]") {
  ThreadPool pool(1);
  const auto task = spawn("task", [&]() -> Coro<> {
    co_await run_in_thread([] { std::this_thread::sleep_for(20ms); }, pool);
    note("job");
  });
  loop.run_until_complete(task);
  check_the_deadline_came_last("job");
}

TEST_CASE_METHOD(JumpFixture,
                 "Threads: a clock that jumps does not jump over a task of another loop",
                 "[threads][clock][remote][real-time]") {
  LoopInThread other;
  const auto task = spawn("task", [&]() -> Coro<> {
    co_await run_coroutine_threadsafe(other.loop, []() -> Coro<> { co_await Sleep(20ms); }());
    note("remote task");
  });
  loop.run_until_complete(task);
  check_the_deadline_came_last("remote task");
}

TEST_CASE_METHOD(JumpFixture,
                 "Threads: a clock that jumps does not jump over work that a test has announced",
                 "[threads][clock][real-time]") {
  WaitList list;
  Threads threads;
  const auto task = spawn("task", [&]() -> Coro<> {
    loop.work_started();
    threads.start([&] {
      std::this_thread::sleep_for(20ms);
      loop.call_soon_threadsafe([&] {
        loop.work_finished();
        list.wake_one();
      });
    });
    co_await Waits(list);
    note("thread");
  });
  loop.run_until_complete(task);
  check_the_deadline_came_last("thread");
}

TEST_CASE_METHOD(LoopFixture, "Threads: a job that outlasts a deadline by real time is overtaken",
                 "[threads][clock][run_in_thread][cancel][real-time]") {
  std::atomic<bool> over = false;
  ThreadPool pool(1);
  const auto task = loop.create_task(works_until(pool, over));
  loop.call_later(5ms, [&] { task.cancel(); });
  loop.call_later(100h, [this] { note("later"); });  // nothing is under way by then
  loop.run_forever();
  CHECK(task.cancelled());
  CHECK(trace == Trace{"later"});
  over = true;
}

// ---- The end of a loop that is stuck

TEST_CASE_METHOD(LoopFixture, "Threads: a loop that is to raise waits for nothing as it closes",
                 "[threads][deadlock][close]") {
  WaitList list;
  spawn("task", [&]() -> Coro<> {
    for (;;) {
      try {
        co_await Waits(list);
      } catch (const CancelledError&) {
        note("refuses");
      }
    }
  });
  run_until_idle();
  loop.close(1h);
  CHECK(trace == Trace{"refuses"});
  CHECK(clock.elapsed() == 0ns);
  CHECK(errors == Trace{"Task-1 refused to end when its loop was closed; it waits for the list"});
}

TEST_CASE("Threads: a loop that waits for other threads does so as it closes",
          "[threads][deadlock][close][real-time]") {
  std::atomic<bool> cleans_up = false, cleaned_up = false;
  WaitList list;
  Threads threads;
  EventLoop loop({.when_stuck = WhenStuck::kReportAndWait});
  loop.create_task([](std::atomic<bool>& begins, std::atomic<bool>& ends, WaitList& in) -> Coro<> {
    try {
      co_await Waits(in);
    } catch (const CancelledError&) {
      begins = true;
    }
    co_await Waits(in);
    ends = true;
  }(cleans_up, cleaned_up, list));
  loop.run_until_idle();
  threads.start([&] {
    comes_true([&] { return cleans_up.load(); });
    loop.call_soon_threadsafe([&] { list.wake_one(); });
  });
  loop.close(1h);
  CHECK(cleaned_up);
}

// ---- On the wrong thread

#ifndef NDEBUG

/// What `f` throws, in words.
template <class F>
std::string thrown_by(F f) {
  try {
    f();
    return "nothing";
  } catch (const WrongThreadError& error) {
    return error.what();
  }
}

std::string sentence(const std::string& object, long runner, long caller) {
  return object + " belongs to the loop that thread " + std::to_string(runner) +
         " runs, and thread " + std::to_string(caller) + " used it";
}

class NoTimer final : public treadle::Timer {
 public:
  void fire() noexcept override {}
  void drop() noexcept override {}
};

class NoWaiter final : public treadle::FdWaiter {
 public:
  bool try_again() noexcept override { return true; }
};

/// The number of the thread that runs `loop`.
long runner_of(EventLoop& loop) {
  std::atomic<long> number = 0;
  loop.call_soon_threadsafe([&] { number = ::gettid(); });
  comes_true([&] { return number != 0; });
  return number;
}

TEST_CASE("Threads: what is armed by a wrong thread is named, and both threads with it",
          "[threads][wrong_thread][real-time]") {
  LoopInThread other;
  const long runner = runner_of(other.loop);
  NoTimer timer;
  NoWaiter waiter;
  SocketPair pair;
  treadle::Registration registration(pair.a.fd());
  CHECK(thrown_by([&] { other.loop.arm(timer, other.loop.time()); }) ==
        sentence("a timer", runner, ::gettid()));
  CHECK(thrown_by([&] { other.loop.watch(waiter, registration, Readiness::kReadable); }) ==
        sentence("a descriptor that is waited for", runner, ::gettid()));
  CHECK_FALSE(timer.armed());
  CHECK_FALSE(waiter.registered());
}

TEST_CASE("Threads: while nobody runs the loop, no thread is the wrong one",
          "[threads][wrong_thread][real-time]") {
  EventLoop loop;
  NoTimer timer;
  CHECK(in_thread([&] { return thrown_by([&] { loop.arm(timer, loop.time() + 1h); }); }) ==
        "nothing");
  CHECK(timer.armed());
  timer.disarm();
  WaitList list;
  const auto task = loop.create_task(wait_in(list));
  loop.run_until_idle();
  in_thread([&] { list.wake_one(); });
  loop.run_until_idle();
  CHECK(task.done());
}

TEST_CASE(
    "Threads: a task that is woken by the wrong thread stops the process, with both threads named",
    "[threads][wrong_thread][check][real-time]") {
  const std::string said = said_in_dying([] {
    WaitList list;
    LoopInThread other;
    const auto task = other.loop.create_task(wait_in(list));
    comes_true([&] { return !task.waits_for().empty(); });
    const long runner = runner_of(other.loop);
    in_thread([&] {
      std::fprintf(stderr, "%ld %ld\n", runner, static_cast<long>(::gettid()));
      list.wake_one();
    });
  });
  const auto numbers = said.substr(0, said.find('\n'));
  const auto runner = std::stol(numbers);
  const auto caller = std::stol(numbers.substr(numbers.find(' ')));
  CHECK_THAT(said, ContainsSubstring(sentence("a task that waits", runner, caller)));
}

TEST_CASE(
    "Threads: a socket that a task waits at, used by the wrong thread: the error names its peer",
    "[threads][wrong_thread][socket][real-time]") {
  LoopInThread other;
  SocketPair pair;
  const auto task = other.loop.create_task([](treadle::Socket& socket) -> Coro<> {
    std::array<char, 4> buffer;
    co_await ReadSocket(socket, buffer);
  }(pair.a));
  REQUIRE(comes_true([&] { return !task.waits_for().empty(); }));
  const long runner = runner_of(other.loop);
  CHECK(thrown_by([&] { pair.a.shutdown_write(); }) ==
        sentence("the socket with ?", runner, ::gettid()));
  treadle::testing::put(pair.b, "x");
  REQUIRE(comes_true([&] { return task.done(); }));
  CHECK(thrown_by([&] { pair.a.shutdown_write(); }) == "nothing");  // nobody waits at it any more
}

TEST_CASE("Threads: a socket that a task waits at, closed by the wrong thread, stops the process",
          "[threads][wrong_thread][socket][check][real-time]") {
  CHECK_THAT(said_in_dying([] {
               LoopInThread other;
               SocketPair pair;
               const auto task = other.loop.create_task([](treadle::Socket& socket) -> Coro<> {
                 std::array<char, 4> buffer;
                 co_await ReadSocket(socket, buffer);
               }(pair.a));
               comes_true([&] { return !task.waits_for().empty(); });
               pair.a.close();
             }),
             ContainsSubstring("the socket with ? belongs to the loop that thread"));
}

#endif

// ---- Signals

TEST_CASE_METHOD(LoopFixture,
                 "Threads: a signal that another thread gets runs its callback on the loop's",
                 "[threads][signal][real-time]") {
  std::thread::id place;
  loop.add_signal_handler(SIGUSR1, [&] {
    place = std::this_thread::get_id();
    loop.stop();
  });
  Threads threads;
  threads.start([polls = calls(Call::kPoll)] {
    comes_true([&] { return calls(Call::kPoll) > polls; });  // the loop sleeps, or is about to
    ::pthread_kill(::pthread_self(), SIGUSR1);
  });
  loop.run_forever();
  threads.join();
  CHECK(place == std::this_thread::get_id());
}

TEST_CASE("Threads: signals may be asked for, and given back, by other threads",
          "[threads][signal][real-time]") {
  std::atomic<int> came = 0;
  LoopInThread other;
  other.loop.add_signal_handler(SIGUSR1, [&] { ++came; });
  ::raise(SIGUSR1);
  CHECK(comes_true([&] { return came == 1; }));
  EventLoop second;
  CHECK_THROWS_WITH(second.add_signal_handler(SIGUSR1, [] {}),
                    "another loop handles SIGUSR1 already");
  CHECK_THROWS_AS(other.loop.add_signal_handler(SIGKILL, [] {}), std::invalid_argument);
  CHECK(other.loop.remove_signal_handler(SIGUSR1));
  CHECK_FALSE(other.loop.remove_signal_handler(SIGUSR1));
  second.add_signal_handler(SIGUSR1, [] {});
}

TEST_CASE_METHOD(LoopFixture,
                 "Threads: a loop's own thread does not wait for another loop to take a signal",
                 "[threads][signal][real-time]") {
  LoopInThread other;
  loop.call_soon([&] {
    try {
      other.loop.add_signal_handler(SIGUSR1, [] {});
    } catch (const InvalidStateError& error) {
      note(error.what());
    }
  });
  run_until_idle();
  CHECK(trace == Trace{"to wait for another thread would block the loop that this one runs"});
}

TEST_CASE("Threads: each of two loops in two threads has signals of its own",
          "[threads][signal][real-time]") {
  std::atomic<int> one_came = 0, two_came = 0;
  LoopInThread one, two;
  one.loop.add_signal_handler(SIGUSR1, [&] { ++one_came; });
  two.loop.add_signal_handler(SIGUSR2, [&] { ++two_came; });
  for (int i = 1; i <= 20; ++i) {
    ::raise(SIGUSR1);
    ::raise(SIGUSR2);
    REQUIRE(comes_true([&] { return one_came == i && two_came == i; }));
  }
}

TEST_CASE(
    "Threads: Ctrl-C cancels the main task, whichever thread gets it, and the process ends by it",
    "[threads][signal][run][real-time]") {
  const auto ending = in_child([] {
    std::atomic<bool> over = false;
    std::atomic<int> polls = -1;
    std::thread gets_it([&] {
      // Main runs, so SIGINT is handled; then the loop sleeps, or is about to.
      comes_true([&] { return polls >= 0 && calls(Call::kPoll) > polls; });
      ::pthread_kill(::pthread_self(), SIGINT);
      while (!over) std::this_thread::sleep_for(1ms);
    });
    try {
      treadle::run([](std::atomic<bool>& flag, std::atomic<int>& before) -> Coro<> {
        before = calls(Call::kPoll);
        try {
          co_await Sleep(1h);
        } catch (const CancelledError& error) {
          std::fprintf(stderr, "%s\n", error.message().c_str());
          flag = true;
          throw;
        }
      }(over, polls));
    } catch (...) {
      std::fputs("it came out of run()\n", stderr);
    }
    gets_it.join();
  });
  CHECK(ending.said == "cancelled by SIGINT\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Threads: Ctrl-C ends a program though one of its threads blocks in read",
          "[threads][signal][run][real-time]") {
  const auto ending = in_child([] {
    int ends[2];
    if (::pipe(ends) < 0) return;
    std::thread reader([from = ends[0]] {
      char byte;
      static_cast<void>(::read(from, &byte, 1));
    });
    reader.detach();
    treadle::run([]() -> Coro<> {
      ::kill(::getpid(), SIGINT);
      co_await Sleep(1h);
    }());
  });
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Threads: Ctrl-C ends a program though one of its threads waits for a line of input",
          "[threads][signal][run][real-time]") {
  const auto ending = in_child([] {
    int ends[2];
    if (::pipe(ends) < 0) return;
    ::dup2(ends[0], STDIN_FILENO);
    std::atomic<long> reader_number = 0;
    std::thread reader([&reader_number] {
      reader_number = this_thread_number();
      std::string line;
      std::getline(std::cin, line);  // which holds stdin's lock
    });
    reader.detach();
    comes_to_sleep(reader_number);
    treadle::run([]() -> Coro<> {
      ::kill(::getpid(), SIGINT);
      co_await Sleep(1h);
    }());
  });
  CHECK(ending.signal == SIGINT);
}

}  // namespace test_threads
