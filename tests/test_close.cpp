#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/descriptors.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/sleeper_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"

namespace test_close {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::CancelOrigin;
using treadle::Coro;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::LoopClosedError;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Socket;
using treadle::Task;
using treadle::TaskState;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::DescriptorCheck;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::SleeperFixture;
using treadle::testing::SocketPair;
using treadle::testing::Trace;
using treadle::testing::VirtualClock;

Coro<int> give(int value) { co_return value; }

/// A fixture whose tasks say how they end.
class Closing : public SleeperFixture {
 public:
  /// Needs a while to clean up.
  Coro<> clean_up(std::string name, treadle::Delay needs) {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      note(name + " begins to clean up");
    }
    co_await Sleep(needs);
    note(name + " is clean");
  }

  /// Swallows each cancel.
  Coro<> refuse(std::string name, Counted = Counted()) {
    for (;;) {
      try {
        co_await Sleep(1h);
      } catch (const CancelledError&) {
        note(name + " refuses");
      }
    }
  }

  /// A chain of coroutines, the innermost of which swallows each cancel.
  Coro<> refuse_below(int depth, Counted = Counted()) {
    if (depth == 0)
      co_await refuse("bottom");
    else
      co_await refuse_below(depth - 1);
  }

  void note_time(const std::string& what) {
    note(what + " at " + std::to_string(clock.elapsed() / 1ms) + " ms");
  }
};

// ---- What is left ends

TEST_CASE_METHOD(Closing, "Close: what is left is cancelled, in the order of creation, and ends",
                 "[close]") {
  std::vector<Task<>> tasks;
  for (const auto* name : {"a", "b", "c"}) tasks.push_back(spawn(name, wait(name)));
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled because the loop closes", "b cancelled because the loop closes",
                       "c cancelled because the loop closes"});
  for (const auto& task : tasks) CHECK(task.cancelled());
  CHECK(errors.empty());
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(Closing, "Close: it is heard where it came from", "[close][cancel]") {
  const auto task = spawn("a", wait("a"));
  run_until_idle();
  loop.close();
  try {
    task.result();
  } catch (const CancelledError& cancelled) {
    CHECK(cancelled.origin() == CancelOrigin::kLoopClosing);
    CHECK(cancelled.by().empty());
    note("thrown");
  }
  CHECK(trace.back() == "thrown");
}

TEST_CASE_METHOD(Closing, "Close: one that never began never does", "[close][lifetime]") {
  const auto body = [](Closing& fixture, Counted) -> Coro<> {
    fixture.note("began");
    co_return;
  };
  const auto task = spawn("a", body(*this, Counted()));
  loop.close();
  CHECK(trace.empty());
  CHECK(task.cancelled());
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Closing, "Close: one that is ready goes on to its next wait", "[close]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await Sleep(1s);
    note("woken");
    co_await wait("a");
  });
  loop.call_later(1s, [this] { loop.stop(); });
  loop.run_forever();  // wakes the task, and may run it
  loop.close();
  CHECK(trace == Trace{"woken", "a cancelled because the loop closes"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Closing, "Close: cleanup may await, within the grace period", "[close][cleanup]") {
  const auto task = spawn("a", clean_up("a", 500ms));
  run_until_idle();
  loop.close(1s);
  CHECK(trace == Trace{"a begins to clean up", "a is clean"});
  CHECK(task.state() == TaskState::kFinished);
  CHECK(clock.elapsed() == 500ms);
  CHECK(errors.empty());
}

TEST_CASE_METHOD(Closing, "Close: cleanup may make tasks and wait for them", "[close][cleanup]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    bool cancelled = false;
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (!cancelled) co_return;
    const int value = co_await spawn("helper", [this]() -> Coro<int> {
      co_await Sleep(100ms);
      note("the helper helps");
      co_return 3;
    });
    note("a has " + std::to_string(value));
  });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"the helper helps", "a has 3"});
  CHECK(task.state() == TaskState::kFinished);
  CHECK(errors.empty());
}

TEST_CASE_METHOD(Closing, "Close: what cleanup leaves behind is cancelled in its turn",
                 "[close][cleanup]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      spawn("b", wait("b"));
      throw;
    }
  });
  run_until_idle();
  loop.close();
  CHECK(task.cancelled());
  CHECK(trace.size() <= 1);  // whether it began or not, it has ended
  CHECK(errors.empty());
}

TEST_CASE_METHOD(Closing, "Close: a task that waits for another is cancelled like it",
                 "[close][join]") {
  const auto work = spawn("work", clean_up("work", 100ms));
  const auto waiter = spawn("waiter", [&]() -> Coro<> {
    try {
      co_await work;
      note("not reached");
    } catch (const CancelledError&) {
      note("the waiter leaves");
      throw;
    }
  });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"work begins to clean up", "the waiter leaves", "work is clean"});
}

TEST_CASE_METHOD(Closing, "Close: errors of those that end are reported as ever",
                 "[close][errors]") {
  spawn("a", []() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      throw std::runtime_error("cannot clean up");
    }
  });
  run_until_idle();
  loop.close();
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: cannot clean up"});
}

TEST_CASE_METHOD(Closing, "Close: a task that asks for the loop to stop changes nothing",
                 "[close][stop]") {
  spawn("a", [this]() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      loop.stop();
    }
    co_await Sleep(100ms);
    note("ended");
  });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"ended"});
}

// ---- What refuses

TEST_CASE_METHOD(Closing, "Close: what refuses is destroyed after the grace period, and named",
                 "[close][refuse]") {
  const auto task = spawn("a", refuse("a"));
  const auto good = spawn("b", wait("b"));
  run_until_idle();
  CHECK(Counted::live() == 1);
  loop.close(2s);
  CHECK(trace == Trace{"a refuses", "b cancelled because the loop closes"});
  CHECK(clock.elapsed() == 2s);
  CHECK(Counted::live() == 0);
  CHECK(good.cancelled());
  CHECK(task.done());
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], ContainsSubstring("Task-1 refused to end when its loop was closed"));
  CHECK_THAT(errors[0], ContainsSubstring("sleep of 3600s"));
}

TEST_CASE_METHOD(Closing, "Close: each that refuses is named", "[close][refuse]") {
  for (const auto* name : {"a", "b", "c"}) spawn(name, refuse(name));
  spawn("slow", clean_up("slow", 5s));
  spawn("good", wait("good"));
  run_until_idle();
  std::vector<std::string> tasks;
  std::vector<unsigned long> ids;
  loop.set_exception_handler([&](const ErrorContext& context) {
    tasks.push_back(context.task);
    ids.push_back(context.task_id);
    CHECK(context.error == nullptr);
  });
  loop.close(100ms);
  CHECK(tasks == std::vector<std::string>{"Task-1", "Task-2", "Task-3", "Task-4"});
  CHECK(ids == std::vector<unsigned long>{1, 2, 3, 4});
  CHECK(clock.elapsed() == 100ms);
}

TEST_CASE_METHOD(Closing, "Close: a chain that refuses is destroyed from the inside out",
                 "[close][refuse]") {
  const auto says = [this](const char* name) {
    return std::shared_ptr<void>(nullptr, [this, name](void*) { note(name); });
  };
  const auto inner = [&](std::shared_ptr<void>) -> Coro<> {
    const auto local = says("inner local");
    co_await refuse("inner");
  };
  const auto outer = [&](std::shared_ptr<void>) -> Coro<> {
    const auto local = says("outer local");
    co_await inner(says("inner argument"));
  };
  const auto task = spawn("outer", outer(says("outer argument")));  // keeps the task, and no frame
  run_until_idle();
  loop.close(0s);
  CHECK(task.done());
  CHECK(trace ==
        Trace{"inner refuses", "inner local", "inner argument", "outer local", "outer argument"});
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Closing, "Close: a chain 100,000 deep that refuses is destroyed",
                 "[close][refuse][deep]") {
  spawn("deep", refuse_below(100'000));
  run_until_idle();
  CHECK(Counted::live() > 100'000);
  loop.close(0s);  // one frame within the destructor of another would overflow the stack
  CHECK(trace == Trace{"bottom refuses"});
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Closing, "Close: without grace all are told all the same, and may end at once",
                 "[close][refuse]") {
  const auto good = spawn("good", wait("good"));
  const auto slow = spawn("slow", clean_up("slow", 1ms));
  run_until_idle();
  loop.close(0s);
  CHECK(trace == Trace{"good cancelled because the loop closes", "slow begins to clean up"});
  CHECK(good.done());
  CHECK(slow.done());
  CHECK(clock.elapsed() == 0s);
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], ContainsSubstring("Task-2 refused"));
}

TEST_CASE_METHOD(Closing, "Close: who would never be woken is not waited for", "[close][refuse]") {
  Task<> task;
  // Waits for another that waits for it, and will not be told.
  const auto stubborn = [this](Task<>& other, int times) -> Coro<> {
    for (int i = 0; i < times; ++i) {
      try {
        co_await other;
      } catch (const CancelledError&) {
        note("refuses");
      }
    }
  };
  Task<> second;
  task = spawn("a", stubborn(second, 2));
  second = spawn("b", stubborn(task, 2));
  run_until_idle();
  loop.close(1h);
  CHECK(trace == Trace{"refuses", "refuses"});
  CHECK(clock.elapsed() == 0s);  // nothing could have come of it
  CHECK(errors.size() == 2);
}

TEST_CASE_METHOD(Closing, "Close: a task that never waits does not keep the loop open for ever",
                 "[close][refuse][real-time]") {
  spawn("busy", [this]() -> Coro<> {
    for (;;) {
      try {
        co_await yield_now();
      } catch (const CancelledError&) {
        note("refuses");
      }
    }
  });
  loop.run_once();
  loop.close(50ms);  // by the steady clock, as that of the test stands still
  CHECK(trace == Trace{"refuses"});
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], ContainsSubstring("Task-1 refused"));
}

TEST_CASE_METHOD(Closing, "Close: what refuses is destroyed from the inside out",
                 "[close][refuse][lifetime]") {
  struct Leaving {
    Closing& fixture;
    const char* name;
    ~Leaving() { fixture.note(std::string("leaves ") + name); }
  };
  spawn("a", [this]() -> Coro<> {
    const Leaving outer{*this, "outer"};
    co_await [](Closing& fixture) -> Coro<> {
      const Leaving inner{fixture, "inner"};
      co_await fixture.refuse("a");
    }(*this);
  });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a refuses", "leaves inner", "leaves outer"});
}

TEST_CASE("Close: what is destroyed may cancel, and take back, its own task and others",
          "[close][refuse][lifetime][real-time]") {
  const auto ending = in_child([] {
    struct Guard {
      AnyTask task;
      explicit Guard(AnyTask whom) : task(std::move(whom)) {}
      ~Guard() {
        static_cast<void>(task.uncancel());
        task.cancel("as I go");
        static_cast<void>(task.waits_for());
      }
    };
    VirtualClock clock;
    EventLoop loop(clock);
    loop.set_exception_handler([](const ErrorContext&) {});
    Task<> other;
    const auto refuse = [](Task<>& second, bool by_yielding) -> Coro<> {
      const AnyTask self = co_await treadle::get_current_task();
      const Guard mine(self);
      const Guard others(second);
      for (;;) {
        try {
          if (by_yielding) co_await yield_now();
          if (!by_yielding) co_await Sleep(1h);
        } catch (const CancelledError&) {
          continue;  // refuses
        }
      }
    };
    for (const bool by_yielding : {true, false}) loop.create_task(refuse(other, by_yielding));
    other = loop.create_task(refuse(other, true));
    loop.run_once();
    loop.close(10ms);
  });
  CHECK(ending.exit_code == 0);
  CHECK(ending.signal == 0);
}

TEST_CASE_METHOD(Closing, "Close: a handle to a task that refused says that it was cancelled",
                 "[close][refuse]") {
  const auto task = spawn("a", refuse("a"));
  run_until_idle();
  loop.close();
  CHECK(task.state() == TaskState::kCancelled);
  CHECK_THROWS_AS(task.result(), CancelledError);
  CHECK_FALSE(task.cancel());
}

TEST_CASE("Close: a handler that throws while tasks refuse stops nothing",
          "[close][refuse][errors]") {
  LoopFixture::restart_ids();
  const auto ending = in_child([] {
    VirtualClock clock;
    EventLoop loop(clock);
    loop.set_exception_handler([](const ErrorContext&) { throw std::runtime_error("handler"); });
    for (int i = 0; i < 2; ++i) {
      loop.create_task([]() -> Coro<> {
        for (;;) {
          try {
            co_await Sleep(1h);
          } catch (const CancelledError&) {
            continue;  // refuses
          }
        }
      }());
    }
    loop.run_until_idle();
    loop.close();
    if (!loop.is_closed()) throw std::runtime_error("not closed");
  });
  CHECK(ending.exit_code == 0);
  CHECK_THAT(ending.said,
             ContainsSubstring("Task-1 refused") && ContainsSubstring("Task-2 refused"));
}

// ---- Callbacks

TEST_CASE_METHOD(Closing, "Close: timers that are not due never run", "[close][call_later]") {
  const auto counted = std::make_shared<Counted>();
  loop.call_later(1h, [this, counted] { note("not reached"); });
  spawn("a", wait("a"));
  run_until_idle();
  loop.close();
  CHECK(counted.use_count() == 1);
  CHECK(trace == Trace{"a cancelled because the loop closes"});
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(Closing, "Close: done callbacks of those that it ends run",
                 "[close][done_callback]") {
  const auto task = spawn("a", wait("a"));
  task.add_done_callback([this](const Task<>& done) {
    note(done.label() + " " + std::string(to_string(done.state())));
  });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled because the loop closes", "Task-1 cancelled"});
}

TEST_CASE_METHOD(Closing, "Close: done callbacks of one that never began run, too",
                 "[close][done_callback]") {
  const auto task = spawn("a", give(1));
  task.add_done_callback(
      [this](const Task<int>& done) { note(std::string(to_string(done.state()))); });
  loop.close();
  CHECK(trace == Trace{"cancelled"});
}

// ---- Closed

TEST_CASE_METHOD(Closing, "Close: a closed loop says so, and closing it again does nothing",
                 "[close]") {
  CHECK_FALSE(loop.is_closed());
  loop.close();
  CHECK(loop.is_closed());
  loop.close();
  loop.close(0s);
  CHECK(loop.is_closed());
}

TEST_CASE_METHOD(Closing, "Close: a closed loop takes nothing on", "[close]") {
  const auto done = loop.create_task(give(1));
  run_until_idle();
  loop.close();
  CHECK_THROWS_AS(loop.create_task(give(1)), LoopClosedError);
  CHECK_THROWS_AS(loop.call_soon([] {}), LoopClosedError);
  CHECK_THROWS_AS(loop.call_later(1s, [] {}), LoopClosedError);
  CHECK_THROWS_AS(loop.call_at(loop.time(), [] {}), LoopClosedError);
  CHECK_THROWS_AS(loop.add_signal_handler(SIGUSR1, [] {}), LoopClosedError);
  CHECK_THROWS_AS(loop.run_forever(), LoopClosedError);
  CHECK_THROWS_AS(loop.run_until_idle(), LoopClosedError);
  CHECK_THROWS_AS(loop.run_once(), LoopClosedError);
  CHECK_THROWS_AS(loop.run_until_complete(give(1)), LoopClosedError);
  CHECK_THROWS_AS(done.add_done_callback([] {}), LoopClosedError);
  CHECK(done.result() == 1);  // what has ended can be asked for
}

TEST_CASE_METHOD(Closing, "Close: what a closed loop did not take is destroyed",
                 "[close][lifetime]") {
  loop.close();
  const auto body = [](Counted) -> Coro<> { co_return; };
  CHECK_THROWS_AS(loop.create_task(body(Counted())), LoopClosedError);
  CHECK_THROWS_AS(loop.call_soon([counted = Counted()] {}), LoopClosedError);
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Closing, "Close: a loop that runs cannot be closed", "[close]") {
  spawn("a", [this]() -> Coro<> {
    try {
      loop.close();
    } catch (const InvalidStateError&) {
      note("refused");
    }
    co_return;
  });
  run_until_idle();
  CHECK(trace == Trace{"refused"});
  CHECK_FALSE(loop.is_closed());
}

TEST_CASE_METHOD(Closing, "Close: a task may close another loop", "[close]") {
  EventLoop other(clock);
  const auto orphan = other.create_task(wait("orphan"));
  other.run_until_idle();
  run([&]() -> Coro<> {
    other.close();
    note("closed");
    co_await yield_now();
    note("goes on");
  });
  CHECK(trace == Trace{"orphan cancelled because the loop closes", "closed", "goes on"});
  CHECK(orphan.cancelled());
}

TEST_CASE_METHOD(Closing, "Close: after a run that was stopped or failed it closes all the same",
                 "[close]") {
  spawn("a", wait("a"));
  SECTION("stopped") {
    loop.call_soon([this] { loop.stop(); });
    loop.run_forever();
  }
  SECTION("failed") {
    CHECK_THROWS_AS(loop.run_until_complete([]() -> Coro<> {
      throw std::runtime_error("no");
      co_return;
    }()),
                    std::runtime_error);
  }
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled because the loop closes"});
}

// ---- Nothing stays behind

TEST_CASE("Close: the destructor closes, and neither throws nor leaks", "[close][lifetime]") {
  Counted::reset();
  SocketPair pair;
  AllocationCheck memory;
  const DescriptorCheck descriptors;
  int reports = 0;
  {
    VirtualClock clock;
    EventLoop loop(clock);
    loop.set_exception_handler([&](const ErrorContext&) { ++reports; });
    const auto refuse = [](Counted) -> Coro<> {
      for (;;) {
        try {
          co_await Sleep(1h);
        } catch (const CancelledError&) {
          continue;  // refuses
        }
      }
    };
    const auto end = [](Counted) -> Coro<> {
      Counted local;
      co_await Sleep(1h);
    };
    const auto fail = [](Counted) -> Coro<> {
      try {
        co_await Sleep(1h);
      } catch (const CancelledError&) {
        throw std::runtime_error("cannot clean up, and says so at length");
      }
    };
    const auto read = [](Socket& socket, Counted) -> Coro<> {
      char byte;
      co_await ReadSocket(socket, {&byte, 1});
    };
    loop.create_task(refuse(Counted()));
    loop.create_task(end(Counted()));
    loop.create_task(fail(Counted()));
    loop.create_task(read(pair.a, Counted()));
    loop.run_until_idle();
    loop.create_task(end(Counted()));
    loop.call_soon([counted = Counted()] {});
    loop.call_later(1s, [counted = Counted()] {});
    loop.add_signal_handler(SIGUSR1, [counted = Counted()] {});
  }
  const bool balanced = memory.balanced();
  CHECK(balanced);
  CHECK(Counted::live() == 0);
  CHECK(descriptors.balanced());
  CHECK(reports == 2);  // one that refused, one that failed
}

TEST_CASE("Close: the loop's own descriptors are closed", "[close][descriptors]") {
  const DescriptorCheck descriptors;
  EventLoop loop;
  loop.add_signal_handler(SIGUSR1, [] {});
  CHECK_FALSE(descriptors.balanced());
  loop.close();
  CHECK(descriptors.balanced());
}

TEST_CASE("Close: sockets of the tasks that it ends are closed", "[close][descriptors]") {
  const DescriptorCheck descriptors;
  {
    EventLoop loop;
    loop.create_task([]() -> Coro<> {
      SocketPair pair;
      char byte;
      co_await ReadSocket(pair.a, {&byte, 1});
    }());
    loop.run_until_idle();
    CHECK_FALSE(descriptors.balanced());
    loop.close();
    CHECK(descriptors.balanced());
  }
}

TEST_CASE_METHOD(Closing, "Close: a done callback that makes a task makes it for nothing",
                 "[close][done_callback]") {
  const auto task = spawn("a", wait("a"));
  task.add_done_callback([this](const Task<>&) { spawn("late", refuse("late")); });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled because the loop closes"});
  CHECK(errors.empty());  // it was never asked, so it has not refused
}

TEST_CASE_METHOD(Closing, "Close: the done callback of the last task runs, whatever else is left",
                 "[close][done_callback]") {
  const bool another = GENERATE(false, true), refuses = GENERATE(false, true);
  if (another) spawn("other", refuses ? refuse("other") : wait("other"));
  const auto task = spawn("last", []() -> Coro<> { co_return; });
  task.add_done_callback([this](const AnyTask&) { note("told"); });
  loop.run_until_complete(task);
  CHECK(trace == Trace{});
  loop.close();
  CHECK(trace.front() == "told");
}

TEST_CASE_METHOD(Closing,
                 "Close: of a task that ends as the grace period does, the done callback runs",
                 "[close][done_callback][real-time]") {
  spawn("other", refuse("other"));
  const auto task = spawn("last", []() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      std::this_thread::sleep_for(2ms);
    }
  });
  task.add_done_callback([this](const AnyTask&) { note("told"); });
  run_until_idle();
  loop.close(1ms);
  CHECK(std::count(trace.begin(), trace.end(), "told") == 1);
}

TEST_CASE_METHOD(Closing, "Close: what main posts in its last step runs, once",
                 "[close][call_soon]") {
  spawn("main", [this]() -> Coro<> {
    loop.call_soon([this] {
      note("posted");
      loop.call_soon([this] { note("posted by that"); });  // there is one turn, and not two
    });
    loop.call_later(1h, [this] { note("later"); });
    loop.stop();
    co_return;
  });
  loop.run_forever();
  loop.close();
  CHECK(trace == Trace{"posted"});
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(Closing, "Close: what the last callback throws is reported", "[close][errors]") {
  run_until_idle();
  loop.call_soon([] { throw std::runtime_error("late"); });
  loop.close();
  CHECK(errors == Trace{"a callback failed: late"});
}

TEST_CASE_METHOD(Closing, "Close: a task that the last callback makes is cancelled",
                 "[close][call_soon]") {
  run_until_idle();
  loop.call_soon([this] { spawn("late", wait("late")); });
  loop.close();
  CHECK(trace == Trace{});
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(Closing, "Close: ten thousand tasks end in one turn", "[close]") {
  const auto sleep = [](Counted) -> Coro<> { co_await Sleep(1h); };
  for (int i = 0; i < 10'000; ++i) spawn("a", sleep(Counted()));
  run_until_idle();
  CHECK(Counted::live() == 10'000);
  loop.close(0s);
  CHECK(Counted::live() == 0);
  CHECK(errors.empty());
}

}  // namespace test_close
