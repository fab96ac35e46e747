#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "testing/child_process.hpp"
#include "testing/descriptors.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/sleep.hpp"

namespace test_signals {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::CancelOrigin;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::Sleep;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::ChildProcess;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::Thread;
using treadle::testing::Trace;

volatile std::sig_atomic_t handled_elsewhere = 0;

/// While it lives, `signal` is handled by counting.
class HandledElsewhere {
 public:
  explicit HandledElsewhere(int signal) : signal_(signal) {
    handled_elsewhere = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { handled_elsewhere = handled_elsewhere + 1; };
    ::sigaction(signal, &action, &before_);
  }
  HandledElsewhere(const HandledElsewhere&) = delete;
  HandledElsewhere& operator=(const HandledElsewhere&) = delete;
  ~HandledElsewhere() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

/// A process that sends `signal` to this one after a while: mostly when the loop sleeps. A test holds in either case.
class Sender : public ChildProcess {
 public:
  explicit Sender(int signal)
      : ChildProcess([signal, to = ::getpid()] {
          ::usleep(20'000);
          ::kill(to, signal);
        }) {}
};

// ---- In a turn

TEST_CASE_METHOD(LoopFixture,
                 "Signals: the callback runs in a turn, and not where the signal comes",
                 "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  ::raise(SIGUSR1);
  CHECK(trace.empty());
  run_until_idle();
  CHECK(trace == Trace{"signal"});
  run_until_idle();
  CHECK(trace == Trace{"signal"});
}

TEST_CASE_METHOD(LoopFixture, "Signals: each time it comes the callback runs", "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  for (int i = 0; i < 3; ++i) {
    ::raise(SIGUSR1);
    run_until_idle();
  }
  CHECK(trace == Trace(3, "signal"));
}

TEST_CASE_METHOD(LoopFixture, "Signals: a hundred thousand before a turn count as one",
                 "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  for (int i = 0; i < 100'000; ++i) ::raise(SIGUSR1);  // more than a pipe holds
  run_until_idle();
  CHECK(trace == Trace{"signal"});
  ::raise(SIGUSR1);
  run_until_idle();
  CHECK(trace == Trace(2, "signal"));
}

TEST_CASE_METHOD(LoopFixture, "Signals: several are told apart", "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("one"); });
  loop.add_signal_handler(SIGUSR2, [this] { note("two"); });
  loop.add_signal_handler(SIGTERM, [this] { note("term"); });
  ::raise(SIGUSR2);
  run_until_idle();
  ::raise(SIGTERM);
  run_until_idle();
  ::raise(SIGUSR1);
  run_until_idle();
  CHECK(trace == Trace{"two", "term", "one"});
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  run_until_idle();
  CHECK(trace.size() == 5);
}

TEST_CASE_METHOD(LoopFixture, "Signals: one that comes while its callback runs is not lost",
                 "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] {
    note("signal");
    if (trace.size() < 3) ::raise(SIGUSR1);
  });
  ::raise(SIGUSR1);
  run_until_idle();
  CHECK(trace == Trace(3, "signal"));
}

TEST_CASE_METHOD(LoopFixture, "Signals: one that comes while a task runs is for the next turn",
                 "[signal][turn]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  spawn("a", [this]() -> Coro<> {
    ::raise(SIGUSR1);
    note("the task goes on");
    co_await yield_now();
    note("the next turn");
  });
  run_until_idle();
  CHECK(trace == Trace{"the task goes on", "the next turn", "signal"});
}

TEST_CASE_METHOD(LoopFixture, "Signals: what a callback throws goes to the handler, and it stays",
                 "[signal][errors]") {
  loop.add_signal_handler(SIGUSR1, [] { throw std::runtime_error("no"); });
  for (int i = 0; i < 2; ++i) {
    ::raise(SIGUSR1);
    run_until_idle();
  }
  REQUIRE(errors.size() == 2);
  CHECK_THAT(errors[1], ContainsSubstring("no"));
}

TEST_CASE_METHOD(LoopFixture, "Signals: a callback may keep state and need not be copied",
                 "[signal][lifetime]") {
  loop.add_signal_handler(SIGUSR1, [this, calls = std::make_unique<int>(0), counted = Counted()] {
    note(std::to_string(++*calls));
  });
  for (int i = 0; i < 3; ++i) {
    ::raise(SIGUSR1);
    run_until_idle();
  }
  CHECK(trace == Trace{"1", "2", "3"});
  CHECK(Counted::live() == 1);
  CHECK(loop.remove_signal_handler(SIGUSR1));
  CHECK(Counted::live() == 0);
  CHECK(Counted::copies() == 0);
}

// ---- While the loop sleeps

TEST_CASE_METHOD(LoopFixture, "Signals: a loop that sleeps is woken, and waits for signals alone",
                 "[signal][poll][real-time]") {
  loop.add_signal_handler(SIGUSR1, [this] {
    note("signal");
    loop.stop();
  });
  Sender sender(SIGUSR1);
  run_to_end();
  CHECK(trace == Trace{"signal"});
  CHECK(sender.wait().exit_code == 0);
}

TEST_CASE_METHOD(LoopFixture, "Signals: run_once waits for one", "[signal][poll][real-time]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  Sender sender(SIGUSR1);
  while (trace.empty() && !hung()) CHECK(loop.run_once());
  CHECK(trace == Trace{"signal"});
}

TEST_CASE("Signals: a loop in real time is woken from its sleep", "[signal][poll][real-time]") {
  EventLoop loop;
  const auto task = loop.create_task([]() -> Coro<> { co_await Sleep(1h); }());
  loop.add_signal_handler(SIGUSR1, [task] { task.cancel("woken"); });
  Sender sender(SIGUSR1);
  CHECK_THROWS_AS(loop.run_until_complete(task), CancelledError);
}

TEST_CASE_METHOD(LoopFixture, "Signals: on another thread it reaches the loop on its own",
                 "[signal][thread][real-time]") {
  const auto here = std::this_thread::get_id();
  loop.add_signal_handler(SIGUSR1, [&] {
    note(std::this_thread::get_id() == here ? "here" : "elsewhere");
    loop.stop();
  });
  Thread other([polls = calls(Call::kPoll)] {
    comes_true([&] { return calls(Call::kPoll) > polls; });  // the loop sleeps, or is about to
    ::pthread_kill(::pthread_self(), SIGUSR1);
  });
  run_to_end();
  other.join();
  CHECK(trace == Trace{"here"});
}

// ---- Waiting for signals

TEST_CASE_METHOD(LoopFixture, "Signals: who waits while a signal may come is no deadlock",
                 "[signal][deadlock]") {
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    const auto knot = spawn("b", [&]() -> Coro<> { co_await task; });
    co_await knot;
  });
  loop.add_signal_handler(SIGUSR1, [&] { task.cancel(); });
  run_until_idle();
  ::raise(SIGUSR1);
  CHECK_THROWS_AS(loop.run_until_complete(task), CancelledError);
}

TEST_CASE_METHOD(LoopFixture, "Signals: run_forever goes on until the last handler is taken back",
                 "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] {
    note("first");
    loop.remove_signal_handler(SIGUSR1);
    ::raise(SIGUSR2);
  });
  loop.add_signal_handler(SIGUSR2, [this] {
    note("second");
    loop.remove_signal_handler(SIGUSR2);
  });
  ::raise(SIGUSR1);
  run_to_end();  // ends by itself
  CHECK(trace == Trace{"first", "second"});
  CHECK_FALSE(loop.run_once());
}

// ---- Adding and taking back

TEST_CASE_METHOD(LoopFixture, "Signals: a second handler replaces the first", "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this, counted = Counted()] { note("first"); });
  loop.add_signal_handler(SIGUSR1, [this] { note("second"); });
  CHECK(Counted::live() == 0);
  ::raise(SIGUSR1);
  run_until_idle();
  CHECK(trace == Trace{"second"});
  CHECK(loop.remove_signal_handler(SIGUSR1));
  CHECK_FALSE(loop.remove_signal_handler(SIGUSR1));
}

TEST_CASE_METHOD(LoopFixture,
                 "Signals: one that came before the handler was replaced is told to the new one",
                 "[signal]") {
  loop.add_signal_handler(SIGUSR1, [this] { note("first"); });
  ::raise(SIGUSR1);
  loop.add_signal_handler(SIGUSR1, [this] { note("second"); });
  run_until_idle();
  CHECK(trace == Trace{"second"});
}

TEST_CASE("Signals: while a handler is replaced there is no moment without one",
          "[signal][real-time]") {
  const auto ending = in_child([] {
    EventLoop loop;
    int told = 0;
    loop.add_signal_handler(SIGUSR1, [] {});
    // Without a handler the first that comes would end this process. Without the pauses it might do
    // nothing but take signals.
    const ChildProcess sender([to = ::getpid()] {
      for (; ::getppid() == to; ::usleep(20)) ::kill(to, SIGUSR1);
    });
    comes_true([&] {
      for (int i = 0; i < 100; ++i) loop.add_signal_handler(SIGUSR1, [&] { ++told; });
      loop.run_until_idle();
      return told >= 200;
    });
    std::fputs(told >= 200 ? "told\n" : "not told\n", stderr);
  });
  CHECK(ending.said == "told\n");
  CHECK(ending.exit_code == 0);
}

TEST_CASE_METHOD(LoopFixture,
                 "Signals: a handler that replaces one for a single signal is for every one",
                 "[signal][cancel]") {
  const HandledElsewhere elsewhere(SIGUSR1);
  const auto task = spawn("a", []() -> Coro<> { co_await Sleep(1h); });
  loop.cancel_on_signal(SIGUSR1, task);
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  for (int i = 0; i < 2; ++i) {
    ::raise(SIGUSR1);
    run_until_idle();
  }
  CHECK(trace == Trace(2, "signal"));
  CHECK_FALSE(task.done());
  CHECK(loop.remove_signal_handler(SIGUSR1));
  ::raise(SIGUSR1);
  CHECK(handled_elsewhere == 1);
}

TEST_CASE_METHOD(LoopFixture, "Signals: what handled it before handles it again afterwards",
                 "[signal]") {
  const HandledElsewhere elsewhere(SIGUSR1);
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  ::raise(SIGUSR1);
  CHECK(handled_elsewhere == 0);
  run_until_idle();
  CHECK(loop.remove_signal_handler(SIGUSR1));
  ::raise(SIGUSR1);
  CHECK(handled_elsewhere == 1);
  run_until_idle();
  CHECK(trace == Trace{"signal"});
}

TEST_CASE_METHOD(LoopFixture, "Signals: one that came before it was taken back is not told",
                 "[signal]") {
  const HandledElsewhere elsewhere(SIGUSR1);
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  ::raise(SIGUSR1);
  loop.remove_signal_handler(SIGUSR1);
  loop.add_signal_handler(SIGUSR1, [this] { note("another"); });
  run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE_METHOD(LoopFixture, "Signals: a handler may take itself back", "[signal][lifetime]") {
  const HandledElsewhere elsewhere(SIGUSR1);
  loop.add_signal_handler(SIGUSR1, [this, counted = Counted(7)] {
    loop.remove_signal_handler(SIGUSR1);
    note(std::to_string(counted.value()));  // it is there for as long as it runs
  });
  ::raise(SIGUSR1);
  run_until_idle();
  ::raise(SIGUSR1);
  run_until_idle();
  CHECK(trace == Trace{"7"});
  CHECK(handled_elsewhere == 1);
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Signals: what nobody can handle is refused", "[signal]") {
  for (const int signal : {SIGKILL, SIGSTOP, 0, -1, 100'000})
    CHECK_THROWS_AS(loop.add_signal_handler(signal, [] {}), std::invalid_argument);
  CHECK_FALSE(loop.remove_signal_handler(SIGKILL));
  CHECK_FALSE(loop.remove_signal_handler(-1));
  CHECK_THROWS_WITH(loop.add_signal_handler(SIGKILL, [] {}), ContainsSubstring("KILL"));
  CHECK_FALSE(loop.run_once());  // nobody waits
}

TEST_CASE_METHOD(LoopFixture, "Signals: two loops cannot have the same one", "[signal]") {
  EventLoop other;
  loop.add_signal_handler(SIGUSR1, [this] { note("first loop"); });
  CHECK_THROWS_AS(other.add_signal_handler(SIGUSR1, [] {}), InvalidStateError);
  CHECK_THROWS_WITH(other.add_signal_handler(SIGUSR1, [] {}), ContainsSubstring("SIGUSR1"));
  CHECK_FALSE(other.remove_signal_handler(SIGUSR1));
  other.add_signal_handler(SIGUSR2, [this] { note("second loop"); });
  ::raise(SIGUSR1);
  ::raise(SIGUSR2);
  run_until_idle();
  CHECK(trace == Trace{"first loop"});
  other.run_until_idle();
  CHECK(trace == Trace{"first loop", "second loop"});
  loop.remove_signal_handler(SIGUSR1);
  other.add_signal_handler(SIGUSR1, [this] { note("second loop again"); });
  ::raise(SIGUSR1);
  other.run_until_idle();
  CHECK(trace.back() == "second loop again");
}

TEST_CASE_METHOD(LoopFixture, "Signals: a loop that closes gives them back", "[signal][close]") {
  const HandledElsewhere elsewhere(SIGUSR1);
  std::optional<EventLoop> other(std::in_place);
  other->add_signal_handler(SIGUSR1, [counted = Counted()] {});
  SECTION("by close") {
    other->close();
    CHECK_FALSE(other->remove_signal_handler(SIGUSR1));
  }
  SECTION("by its end") { other.reset(); }
  CHECK(Counted::live() == 0);
  ::raise(SIGUSR1);
  CHECK(handled_elsewhere == 1);
  loop.add_signal_handler(SIGUSR1, [this] { note("signal"); });
  ::raise(SIGUSR1);
  run_until_idle();
  CHECK(trace == Trace{"signal"});
}

TEST_CASE("Signals: one that nobody handles any more does what it did before", "[signal]") {
  const auto ending = in_child([] {
    {
      EventLoop loop;
      loop.add_signal_handler(SIGTERM, [] {});
      ::raise(SIGTERM);
      loop.run_until_idle();
    }
    ::raise(SIGTERM);
  });
  CHECK(ending.signal == SIGTERM);
}

// ---- A signal as a request to end

TEST_CASE_METHOD(LoopFixture, "Signals: cancel_on_signal cancels, and names the signal",
                 "[signal][cancel]") {
  const HandledElsewhere elsewhere(SIGTERM);
  const auto task = spawn("a", [this]() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError& cancelled) {
      note(cancelled.message());
      CHECK(cancelled.origin() == CancelOrigin::kSignal);
      CHECK(cancelled.by() == "SIGTERM");
      throw;
    }
  });
  loop.cancel_on_signal(SIGTERM, task);
  run_until_idle();
  ::raise(SIGTERM);
  run_until_idle();
  CHECK(trace == Trace{"cancelled by SIGTERM"});
  CHECK(task.cancelled());
}

TEST_CASE("Signals: the second to a task that is cancelled by it ends the process",
          "[signal][cancel][real-time]") {
  const auto ending = in_child([] {
    EventLoop loop;
    const auto task = loop.create_task([]() -> Coro<> {
      for (;;) {
        try {
          co_await Sleep(5ms);
        } catch (const CancelledError&) {
          std::fputs("refuses\n", stderr);
          ::raise(SIGTERM);
        }
      }
    }());
    loop.cancel_on_signal(SIGTERM, task);
    loop.run_once();
    ::raise(SIGTERM);
    loop.run_forever();
  });
  CHECK(ending.signal == SIGTERM);
  CHECK(ending.said == "refuses\n");
}

}  // namespace test_signals
