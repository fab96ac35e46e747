#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/sleep.hpp"

namespace test_observer {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::Coro;
using treadle::EventLoop;
using treadle::LoopClosedError;
using treadle::LoopObserver;
using treadle::Sleep;
using treadle::Task;
using treadle::to_string;
using treadle::WaitReason;
using treadle::yield_now;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::Threads;
using treadle::testing::Trace;

class Recorder : public LoopObserver {
 public:
  explicit Recorder(Trace& trace) : trace_(trace) {}

  void on_create(const AnyTask& task) override { add("create " + task.name()); }
  void on_resume(const AnyTask& task) override { add("resume " + task.name()); }
  void on_suspend(const AnyTask& task, WaitReason reason) override {
    add("suspend " + task.name() + " " + std::string(to_string(reason)));
  }
  void on_wake(const AnyTask& task, const AnyTask& by) override {
    add("wake " + task.name() + (by ? " by " + by.name() : ""));
  }
  void on_cancel(const AnyTask& task) override { add("cancel " + task.name()); }
  void on_finish(const AnyTask& task) override {
    add("finish " + task.name() + " " + std::string(to_string(task.state())));
  }

 protected:
  void add(std::string line) { trace_.push_back(std::move(line)); }

 private:
  Trace& trace_;
};

class Observed : public LoopFixture {
 public:
  Observed() { loop.add_observer(recorder); }
  ~Observed() { loop.remove_observer(recorder); }

  Recorder recorder{trace};
};

Coro<> sleeps() { co_await Sleep(1s); }
Coro<> fails() {
  throw std::runtime_error("no");
  co_return;
}

TEST_CASE_METHOD(Observed, "Observer: the whole life of a task, in order", "[observer]") {
  loop.create_task(sleeps(), "a");
  run_to_end();
  CHECK(trace == Trace{"create a", "resume a", "suspend a sleep", "wake a", "resume a",
                       "finish a finished"});
}

TEST_CASE_METHOD(Observed, "Observer: who is woken by a task is said to be", "[observer]") {
  const auto a = loop.create_task([]() -> Coro<> { co_await yield_now(); }(), "a");
  loop.create_task([](Task<> task) -> Coro<> { co_await task; }(a), "b");
  run_to_end();
  CHECK(trace == Trace{"create a", "create b", "resume a", "suspend a ready-queue", "resume b",
                       "suspend b join", "resume a", "finish a finished", "wake b by a", "resume b",
                       "finish b finished"});
}

TEST_CASE_METHOD(Observed, "Observer: a cancel, and what comes of it", "[observer]") {
  const auto a = loop.create_task(sleeps(), "a");
  run_until_idle();
  trace.clear();
  loop.create_task(
      [](Task<> task) -> Coro<> {
        task.cancel();
        co_return;
      }(a),
      "b");
  run_to_end();
  CHECK(trace == Trace{"create b", "resume b", "cancel a", "wake a by b", "finish b finished",
                       "resume a", "finish a cancelled"});
}

TEST_CASE_METHOD(Observed, "Observer: a task that never begins ends all the same", "[observer]") {
  loop.create_task(sleeps(), "a").cancel();
  run_until_idle();
  CHECK(trace == Trace{"create a", "cancel a", "finish a cancelled"});
}

TEST_CASE_METHOD(Observed, "Observer: a cancel in the step that begins to wait is no wake-up",
                 "[observer]") {
  loop.create_task(
      []() -> Coro<> {
        (co_await treadle::get_current_task()).cancel();
        co_await Sleep(1s);
      }(),
      "a");
  run_until_idle();
  CHECK(trace == Trace{"create a", "resume a", "cancel a", "suspend a ready-queue", "resume a",
                       "finish a cancelled"});
}

TEST_CASE_METHOD(
    Observed, "Observer: a task that on_suspend cancels is woken, and all hear that it waits first",
    "[observer][cancel]") {
  class Cancels : public Recorder {
   public:
    using Recorder::Recorder;
    void on_suspend(const AnyTask& task, WaitReason reason) override {
      if (reason == WaitReason::kSleep) task.cancel();
    }
  } cancels(trace);
  Trace behind;
  Recorder last(behind);
  loop.add_observer(cancels);
  loop.add_observer(last);
  loop.create_task(sleeps(), "a");
  run_until_idle();
  loop.remove_observer(last);
  loop.remove_observer(cancels);
  CHECK(behind == Trace{"create a", "resume a", "cancel a", "suspend a sleep", "wake a", "resume a",
                        "finish a cancelled"});
  std::erase_if(trace, [](const std::string& line) { return line == "cancel a"; });
  CHECK(std::count(trace.begin(), trace.end(), "wake a") ==
        2);  // of the recorder and of what cancels
  CHECK(std::find(trace.begin(), trace.end(), "suspend a sleep") <
        std::find(trace.begin(), trace.end(), "wake a"));
}

TEST_CASE("Observer: a task that on_suspend wakes is woken, and its bill says so",
          "[observer][cancel]") {
  class Wakes : public LoopObserver {
   public:
    explicit Wakes(Trace& trace) : trace_(trace) {}
    void on_suspend(const AnyTask& task, WaitReason reason) override {
      if (reason == WaitReason::kSleep) task.cancel("by a hook");
    }
    void on_wake(const AnyTask&, const AnyTask& by) override {
      trace_.push_back(by ? "by a task" : "wake");
    }

   private:
    Trace& trace_;
  };
  LoopFixture::restart_ids();
  Trace trace;
  Wakes wakes(trace);
  treadle::testing::VirtualClock clock;
  treadle::LoopOptions options;
  options.timing = true;
  treadle::EventLoop loop(options, clock);
  loop.add_observer(wakes);
  const auto task = loop.create_task(sleeps());
  loop.call_soon([&] { clock.advance(3s); });  // in the same turn, behind the task
  loop.run_until_idle();
  loop.remove_observer(wakes);
  CHECK(task.cancelled());
  CHECK(trace == Trace{"wake"});
  CHECK(task.metrics().waits[WaitReason::kSleep] == 0s);
  CHECK(task.metrics().waits[WaitReason::kReady] == 3s);
}

TEST_CASE_METHOD(Observed, "Observer: a failure is still reported, and reported once",
                 "[observer]") {
  loop.create_task(fails(), "a");
  run_until_idle();
  CHECK(trace.back() == "finish a failed");
  CHECK(errors == Trace{"a failed and nobody awaited it: no"});
}

TEST_CASE_METHOD(Observed, "Observer: several are told in the order in which they came",
                 "[observer]") {
  class Second : public LoopObserver {
   public:
    explicit Second(Trace& trace) : trace_(trace) {}
    void on_create(const AnyTask&) override { trace_.push_back("second"); }

   private:
    Trace& trace_;
  } second(trace);
  loop.add_observer(second);
  loop.create_task(sleeps(), "a");
  CHECK(trace == Trace{"create a", "second"});
  loop.remove_observer(second);
  loop.create_task(sleeps(), "b");
  CHECK(trace.back() == "create b");
}

TEST_CASE_METHOD(Observed, "Observer: one that throws is detached and reported", "[observer]") {
  class Broken : public LoopObserver {
   public:
    void on_resume(const AnyTask&) override {
      ++calls;
      throw std::runtime_error("cannot look");
    }
    int calls = 0;
  } broken;
  loop.add_observer(broken);
  loop.create_task(sleeps(), "a");
  run_to_end();
  CHECK(broken.calls == 1);
  CHECK(errors == Trace{"an observer failed, and is not called any more: cannot look"});
  CHECK(trace.size() == 6);  // the other one was told all the same
}

TEST_CASE_METHOD(LoopFixture, "Observer: one may remove itself, and others, while it is told",
                 "[observer]") {
  class Once : public LoopObserver {
   public:
    Once(EventLoop& loop, Trace& trace) : loop_(loop), trace_(trace) {}
    void on_create(const AnyTask& task) override {
      trace_.push_back("create " + task.name());
      loop_.remove_observer(*this);
    }

   private:
    EventLoop& loop_;
    Trace& trace_;
  } once(loop, trace);
  loop.add_observer(once);
  loop.create_task(sleeps(), "a");
  loop.create_task(sleeps(), "b");
  CHECK(trace == Trace{"create a"});
}

TEST_CASE_METHOD(LoopFixture, "Observer: a hook may use the loop, also while nobody runs it",
                 "[observer]") {
  class Busy : public LoopObserver {
   public:
    explicit Busy(EventLoop& loop) : loop_(loop) {}
    void on_create(const AnyTask& task) override {
      if (task.name() != "a") return;
      loop_.create_task(sleeps(), "b");
      loop_.call_soon([] {});
      seen = task.waits_for() + std::to_string(loop_.all_tasks().size());
      task.cancel();
    }
    std::string seen;

   private:
    EventLoop& loop_;
  } busy(loop);
  loop.add_observer(busy);
  const auto a = loop.create_task(sleeps(), "a");
  CHECK(busy.seen == "2");
  run_to_end();
  CHECK(a.cancelled());
  loop.remove_observer(busy);
}

TEST_CASE_METHOD(LoopFixture, "Observer: turns and polls are told, and whether the loop waited",
                 "[observer]") {
  class Turns : public LoopObserver {
   public:
    void on_turn(std::size_t ready) override { turns += std::to_string(ready); }
    void on_poll(bool waited, std::chrono::nanoseconds) override { turns += waited ? "w" : "p"; }
    std::string turns;
  } turns;
  loop.add_observer(turns);
  loop.create_task(sleeps());
  run_to_end();
  CHECK(turns.turns == "p1w1");
  loop.remove_observer(turns);
}

TEST_CASE_METHOD(LoopFixture,
                 "Observer: who comes back after a step of somebody else hears no stale name",
                 "[observer]") {
  class Leaver : public LoopObserver {
   public:
    explicit Leaver(EventLoop& loop) : loop_(loop) {}
    void on_resume(const AnyTask&) override { loop_.remove_observer(*this); }

   private:
    EventLoop& loop_;
  } leaver(loop);
  loop.add_observer(leaver);
  loop.create_task([]() -> Coro<> { co_return; }(), "gone");
  const auto sleeper = loop.create_task(sleeps(), "a");
  run_until_idle();
  Recorder recorder(trace);
  loop.add_observer(recorder);
  sleeper.cancel();
  CHECK(trace == Trace{"cancel a", "wake a"});
  loop.remove_observer(recorder);
}

TEST_CASE("Observer: of a task that a closed loop refuses nothing is told", "[observer][close]") {
  Trace trace;
  Recorder recorder(trace);
  EventLoop loop;
  loop.add_observer(recorder);
  loop.close();
  CHECK_THROWS_AS(loop.create_task(sleeps(), "refused"), LoopClosedError);
  CHECK(trace.empty());
}

TEST_CASE("Observer: of tasks that a closed loop refuses in several threads nothing is told",
          "[observer][close][thread][real-time]") {
  Trace trace;
  Recorder recorder(trace);
  EventLoop loop({.timing = true});
  loop.add_observer(recorder);
  loop.close();
  std::atomic<int> refused = 0;
  Threads threads;
  threads.start_together(2, [&](int) {
    for (int i = 0; i < 500; ++i) {
      try {
        loop.create_task(sleeps());
      } catch (const LoopClosedError&) {
        ++refused;
      }
    }
  });
  threads.join();
  CHECK(refused == 1000);
  CHECK(trace.empty());
}

TEST_CASE("Observer: of a task that comes too late for a loop that closes nothing is told",
          "[observer][close][thread][real-time]") {
  // Destroyed while the loop still takes posts; the task that is posted then is never taken in.
  struct Gate {
    explicit Gate(EventLoop& its_loop) : loop(&its_loop) {}
    Gate(Gate&& other) noexcept : loop(std::exchange(other.loop, nullptr)) {}
    Gate& operator=(Gate&&) = delete;
    ~Gate() {
      if (loop != nullptr) in_thread([this] { loop->create_task(sleeps(), "late"); });
    }
    EventLoop* loop;
  };
  Trace trace;
  Recorder recorder(trace);
  EventLoop loop;
  loop.add_observer(recorder);
  loop.call_soon([gate = Gate(loop)] {});
  loop.close();
  CHECK(trace.empty());
  CHECK(loop.metrics().tasks_created == loop.metrics().tasks_cancelled);
}

TEST_CASE("Observer: what is destroyed by a loop that closes is finished too", "[observer]") {
  Trace trace;
  Recorder recorder(trace);
  {
    EventLoop loop;
    loop.add_observer(recorder);
    loop.create_task(sleeps(), "a");
  }
  CHECK(trace == Trace{"create a", "cancel a", "finish a cancelled"});
}

// ---- While no thread runs the loop

class CallsAtCreation : public LoopObserver {
 public:
  explicit CallsAtCreation(std::function<void()> f) : f_(std::move(f)) {}
  void on_create(const AnyTask&) override { f_(); }

 private:
  std::function<void()> f_;
};

TEST_CASE_METHOD(LoopFixture,
                 "Observer: while no thread runs the loop, a hook may wait for a thread that posts",
                 "[observer][real-time]") {
  int called = 0;
  CallsAtCreation waits([&] { in_thread([&] { loop.call_soon([&] { ++called; }); }); });
  loop.add_observer(waits);
  spawn("made while no thread runs the loop", []() -> Coro<> { co_return; }());
  loop.remove_observer(waits);
  run_until_idle();
  CHECK(called == 1);
}

TEST_CASE_METHOD(LoopFixture,
                 "Observer: a hook that runs the loop hears that it cannot, and is detached",
                 "[observer]") {
  CallsAtCreation runs([&] { loop.run_until_idle(); });
  loop.add_observer(runs);
  spawn("made while no thread runs the loop", []() -> Coro<> { co_return; }());
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].find("an observer failed") != std::string::npos);
  run_until_idle();
}

TEST_CASE_METHOD(LoopFixture, "Observer: what looks at a loop cannot run it, and hears so",
                 "[observer]") {
  const auto runs = [&] { loop.run_until_idle(); };
  CHECK_THROWS_AS(loop.look(runs), treadle::InvalidStateError);
}

}  // namespace test_observer
