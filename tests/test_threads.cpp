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
#include "treadle/threads.hpp"
#include "treadle/wait_list.hpp"

namespace test_threads {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::count_other_threads;
using treadle::DeadlockError;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::PromiseBase;
using treadle::Readiness;
using treadle::ReadSocket;
using treadle::run_in_thread;
using treadle::Sleep;
using treadle::Task;
using treadle::ThreadPool;
using treadle::TreadlePromise;
using treadle::Waiter;
using treadle::WaitList;
using treadle::WrongThreadError;
using treadle::yield_now;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_to_sleep;
using treadle::testing::comes_true;
using treadle::testing::in_child;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::said_in_dying;
using treadle::testing::SocketPair;
using treadle::testing::this_thread_number;
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

// ---- Nobody is left, or somebody is

TEST_CASE("Threads: those of this process are counted", "[threads][real-time]") {
  REQUIRE(LoopFixture::no_thread_is_left());
  std::atomic<bool> over = false;
  {
    Threads threads;
    for (int i = 0; i < 3; ++i) {
      threads.start([&] {
        while (!over) std::this_thread::sleep_for(1ms);
      });
    }
    CHECK(count_other_threads() == 3);
    over = true;
  }
  CHECK(LoopFixture::no_thread_is_left());
}

TEST_CASE("Threads: one of a pool counts while it has a job, and not while it waits for one",
          "[threads][run_in_thread][real-time]") {
  REQUIRE(LoopFixture::no_thread_is_left());
  ThreadPool pool(2);
  std::atomic<bool> over = false;
  EventLoop loop;
  const auto task = loop.create_task([](ThreadPool& threads, std::atomic<bool>& flag) -> Coro<> {
    co_await run_in_thread(
        [&flag] {
          while (!flag) std::this_thread::sleep_for(1ms);
        },
        threads);
  }(pool, over));
  loop.run_until_idle();
  CHECK(count_other_threads() == 1);
  over = true;
  loop.run_until_complete(task);
  CHECK(LoopFixture::no_thread_is_left());
}

TEST_CASE_METHOD(LoopFixture,
                 "Threads: where none is left that could bring something, the deadlock is said",
                 "[threads][deadlock][real-time]") {
  in_thread([] {});  // one that was there and is not
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  CHECK_THROWS_WITH(loop.run_forever(),
                    "nothing is left to run, and tasks still wait: Task-1 waits for the list");
  CHECK_THROWS_AS(loop.run_until_complete(task), DeadlockError);
  CHECK_FALSE(loop.run_once());
}

TEST_CASE_METHOD(LoopFixture,
                 "Threads: those of a pool that wait for jobs are no hope: the deadlock is said",
                 "[threads][deadlock][run_in_thread][real-time]") {
  ThreadPool pool(2);
  loop.run_until_complete(
      [](ThreadPool& threads) -> Coro<> { co_await run_in_thread([] {}, threads); }(pool));
  REQUIRE(LoopFixture::no_thread_is_left());
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  CHECK_THROWS_AS(loop.run_until_complete(task), DeadlockError);
  loop.close();
}

TEST_CASE_METHOD(LoopFixture, "Threads: one that might bring something is waited for",
                 "[threads][deadlock][real-time]") {
  WaitList list;
  const auto task = spawn("task", wait_in(list));
  const int polls = calls(Call::kPoll);
  Threads threads;
  threads.start([&] {
    // The loop looks once more whether a thread is left, and then sleeps without end.
    comes_true([&] { return calls(Call::kPoll) - polls >= 2; });
    loop.call_soon_threadsafe([&] { list.wake_one(); });
  });
  loop.run_until_complete(task);
  CHECK(task.done());
}

TEST_CASE_METHOD(LoopFixture, "Threads: what the last one brings and ends is not missed",
                 "[threads][deadlock][real-time]") {
  for (int i = 0; i < 12; ++i) {
    WaitList list;
    const auto task = spawn("task", wait_in(list));
    run_until_idle();
    Threads threads;
    threads.start([&, i] {
      // So that it ends now before and now after the loop counts the threads, mostly; nothing depends on it.
      if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i * 700));
      loop.call_soon_threadsafe([&] { list.wake_one(); });
    });
    loop.run_until_complete(task);
  }
}

TEST_CASE_METHOD(LoopFixture, "Threads: a job in a pool is waited for, and then the end is noticed",
                 "[threads][deadlock][run_in_thread][real-time]") {
  ThreadPool pool(1);
  const auto task = loop.create_task([](ThreadPool& threads) -> Coro<int> {
    co_return co_await run_in_thread(
        [polls = calls(Call::kPoll)] {
          comes_true([&] { return calls(Call::kPoll) - polls >= 2; });  // as above
          return 7;
        },
        threads);
  }(pool));
  task.add_done_callback([] { no_thread_is_left(); });
  loop.run_forever();  // returns, as nothing is left
  CHECK(task.result() == 7);
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
