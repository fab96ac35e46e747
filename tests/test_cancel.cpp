#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace test_cancel {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::CancelOrigin;
using treadle::Coro;
using treadle::EventLoop;
using treadle::get_running_loop;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskState;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<int> give(int value) { co_return value; }

/// A fixture with tasks that say how they ended.
class Cancelling : public LoopFixture {
 public:
  /// Waits for a long time, says how that ended, and passes it on.
  Coro<> wait(std::string name) {
    try {
      co_await Sleep(1h);
      note(name + " slept");
    } catch (const CancelledError& cancelled) {
      note(name + " " + cancelled.message());
      throw;
    }
  }

  /// The same, and then goes on as if nothing had been.
  Coro<> swallow(std::string name, int times = 1) {
    for (int i = 0; i < times; ++i) {
      try {
        co_await Sleep(1h);
        note(name + " slept");
      } catch (const CancelledError& cancelled) {
        note(name + " " + cancelled.message());
      }
    }
    note(name + " goes on");
  }

  void note_state(const AnyTask& task) { note(std::string(to_string(task.state()))); }
};

// ---- Delivery

TEST_CASE_METHOD(Cancelling, "Cancel: it is thrown out of the co_await at which the task waits",
                 "[cancel]") {
  const auto task = spawn("a", wait("a"));
  run_until_idle();
  CHECK(task.cancel("enough"));
  CHECK(trace.empty());  // not here: in a turn
  CHECK_FALSE(task.done());
  run_until_idle();
  CHECK(trace == Trace{"a cancelled: enough"});
  CHECK(task.done());
  CHECK(task.cancelled());
  CHECK(task.state() == TaskState::kCancelled);
  CHECK(clock.elapsed() == 0s);
}

TEST_CASE_METHOD(Cancelling, "Cancel: it comes in the next turn, behind what is ready already",
                 "[cancel][turn]") {
  const auto task = spawn("a", wait("a"));
  run_until_idle();
  loop.call_soon([this] { note("ready before"); });
  task.cancel();
  loop.call_soon([this] { note("ready after"); });
  loop.run_once();
  CHECK(trace == Trace{"ready before", "a cancelled", "ready after"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: what the task waited for is given up at once", "[cancel]") {
  const auto task = spawn("a", wait("a"));
  run_until_idle();
  CHECK(task.waits_for() == "sleep of 3600s");
  task.cancel();
  CHECK(task.waits_for().empty());
}

TEST_CASE_METHOD(Cancelling, "Cancel: it comes out of each coroutine of the chain, from the inside",
                 "[cancel]") {
  struct Leaving {
    Cancelling& fixture;
    const char* name;
    ~Leaving() { fixture.note(std::string("leaves ") + name); }
  };
  const std::function<Coro<>(int)> chain = [&](int depth) -> Coro<> {
    static constexpr const char* kNames[] = {"inner", "middle", "outer"};
    const Leaving leaving{*this, kNames[depth]};
    try {
      if (depth == 0) co_await wait("a");
      if (depth > 0) co_await chain(depth - 1);
    } catch (const CancelledError&) {
      note(std::string(kNames[depth]) + " sees it");
      throw;
    }
  };
  const auto task = spawn("a", chain(2));
  run_until_idle();
  task.cancel();
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "inner sees it", "leaves inner", "middle sees it",
                       "leaves middle", "outer sees it", "leaves outer"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: it comes out of a chain 100,000 deep", "[cancel][deep]") {
  const std::function<Coro<>(int)> chain = [&](int depth) -> Coro<> {
    const Counted local;
    if (depth == 0) co_await Sleep(1h);
    if (depth > 0) co_await chain(depth - 1);
  };
  const auto task = spawn("a", chain(100'000));
  run_until_idle();
  CHECK(Counted::live() == 100'001);
  task.cancel("too deep");
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Cancelling, "Cancel: who catches std::exception does not swallow it", "[cancel]") {
  static_assert(!std::is_base_of_v<std::exception, CancelledError>);
  const auto task = spawn("a", [this]() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const std::exception&) {
      note("swallowed");
    }
    note("went on");
  });
  run_until_idle();
  task.cancel();
  run_until_idle();
  CHECK(trace.empty());
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: one that ends a task is no error that was lost",
                 "[cancel][errors]") {
  {
    const auto task = spawn("a", wait("a"));
    run_until_idle();
    task.cancel();
    run_until_idle();
  }
  CHECK(errors.empty());
}

TEST_CASE_METHOD(Cancelling, "Cancel: asked for its end, the task throws CancelledError each time",
                 "[cancel]") {
  const auto task = spawn("a", [this]() -> Coro<int> {
    co_await wait("a");
    co_return 1;
  });
  run_until_idle();
  task.cancel("enough");
  run_until_idle();
  trace.clear();
  const auto ask = [this](auto question) {
    try {
      question();
      note("nothing was thrown");
    } catch (const CancelledError& cancelled) {
      note(cancelled.message());
    }
  };
  ask([&] { task.result(); });
  ask([&] { task.result(); });
  ask([&] { static_cast<void>(task.exception()); });
  ask([&] { run([&]() -> Coro<> { co_await task; }); });
  ask([&] { loop.run_until_complete(task); });
  CHECK(trace == Trace(5, "cancelled: enough"));
}

TEST_CASE_METHOD(Cancelling, "Cancel: it touches nobody else", "[cancel]") {
  spawn("parent", [this]() -> Coro<> {
    spawn("child", [this]() -> Coro<> {
      co_await Sleep(2s);
      note("the child ends");
    });
    co_await wait("parent");
  });
  const auto sibling = spawn("sibling", [this]() -> Coro<> {
    co_await Sleep(1s);
    note("the sibling ends");
  });
  const auto parent = spawn("other", wait("other"));
  run_until_idle();
  parent.cancel();
  loop.call_later(3s, [this] { loop.stop(); });
  run_to_end();
  CHECK(trace == Trace{"other cancelled", "the sibling ends", "the child ends"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: ten thousand sleepers wake at once, in order", "[cancel]") {
  std::vector<Task<>> tasks;
  Trace expected;
  for (int i = 0; i < 10'000; ++i) {
    tasks.push_back(spawn("a", wait(std::to_string(i))));
    expected.push_back(std::to_string(i) + " cancelled");
  }
  run_until_idle();
  for (const auto& task : tasks) task.cancel();
  loop.run_once();
  CHECK(trace == expected);
  CHECK_FALSE(loop.run_once());  // no timer is left
}

TEST_CASE_METHOD(Cancelling, "Cancel: it leaves no memory behind", "[cancel][lifetime]") {
  trace.reserve(100);
  const auto round = [this] {
    std::vector<Task<>> tasks;
    for (int i = 0; i < 20; ++i) tasks.push_back(spawn("a", wait("a")));
    run_until_idle();
    for (const auto& task : tasks) task.cancel("a reason that is too long to lie in the string");
    run_until_idle();
    trace.clear();
  };
  round();  // the loop's own vectors grow once
  AllocationCheck memory;
  round();
  const bool balanced = memory.balanced();
  CHECK(balanced);
}

// ---- Reason and origin

TEST_CASE("Cancel: what was asked for can be said in a sentence", "[cancel]") {
  CHECK(CancelledError().message() == "cancelled");
  CHECK(CancelledError("too slow").message() == "cancelled: too slow");
  CHECK(CancelledError("too slow", CancelOrigin::kTask, "Task-3").message() ==
        "cancelled by Task-3: too slow");
  CHECK(CancelledError("", CancelOrigin::kTask, "Task-3").message() == "cancelled by Task-3");
  CHECK(CancelledError("", CancelOrigin::kSignal, "SIGINT").message() == "cancelled by SIGINT");
  CHECK(CancelledError("", CancelOrigin::kLoopClosing).message() ==
        "cancelled because the loop closes");
  CHECK_THAT(CancelledError("", CancelOrigin::kDeadline).message(), ContainsSubstring("time"));
}

TEST_CASE_METHOD(Cancelling, "Cancel: it carries the reason, and who asked", "[cancel]") {
  std::vector<CancelledError> seen;
  const auto waiter = [&]() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError& cancelled) {
      seen.push_back(cancelled);
    }
  };
  const auto first = spawn("a", waiter());
  const auto second = spawn("b", waiter());
  const auto third = spawn("c", waiter());
  run_until_idle();
  first.cancel("by hand");
  loop.call_soon([second] { second.cancel("by callback"); });
  spawn("d", [third]() -> Coro<> {
    third.cancel("by task");
    co_return;
  });
  run_until_idle();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].reason() == "by hand");
  CHECK(seen[0].origin() == CancelOrigin::kCode);
  CHECK(seen[0].by().empty());
  CHECK(seen[1].reason() == "by callback");
  CHECK(seen[1].origin() == CancelOrigin::kCode);
  CHECK(seen[1].by().empty());
  CHECK(seen[2].reason() == "by task");
  CHECK(seen[2].origin() == CancelOrigin::kTask);
  CHECK(seen[2].by() == "Task-4");
}

TEST_CASE_METHOD(Cancelling, "Cancel: a callback between two steps is not taken for a task",
                 "[cancel]") {
  const auto waiter = spawn("a", wait("a"));
  spawn("b", []() -> Coro<> { co_await yield_now(); });
  spawn("c", []() -> Coro<> {
    throw std::runtime_error("no");
    co_return;
  });
  loop.call_soon([waiter] { waiter.cancel(); });
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
}

// ---- At odd moments

TEST_CASE_METHOD(Cancelling, "Cancel: before the first step the body never runs",
                 "[cancel][lifetime]") {
  const auto body = [](Cancelling& fixture, Counted argument) -> Coro<> {
    fixture.note("runs with " + std::to_string(argument.value()));
    co_return;
  };
  const auto task = spawn("a", body(*this, Counted(1)));
  CHECK(Counted::live() == 1);
  CHECK(task.cancel("not needed"));
  CHECK(task.cancel("really not"));
  run_until_idle();
  CHECK(trace.empty());
  CHECK(Counted::live() == 0);  // destroyed, and once
  CHECK(task.cancelled());
  CHECK_THROWS_AS(task.result(), CancelledError);
  CHECK(task.cancelling() == 2);
  CHECK(errors.empty());
}

TEST_CASE_METHOD(Cancelling, "Cancel: made and cancelled in the same turn, the body never runs",
                 "[cancel]") {
  run([this]() -> Coro<> {
    const auto child = spawn("child", wait("child"));
    child.cancel("changed my mind");
    try {
      co_await child;
    } catch (const CancelledError& cancelled) {
      note(cancelled.message());
    }
  });
  CHECK(trace == Trace{"cancelled by Task-1: changed my mind"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: a task that runs hears it where it waits next", "[cancel]") {
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel("by myself");
    note("goes on");
    const int value = co_await give(3);  // runs at once, and waits for nothing
    note("has " + std::to_string(value));
    co_await get_running_loop();
    note("still here");
    co_await wait("a");
    note("not reached");
  });
  run_until_idle();
  CHECK(trace == Trace{"goes on", "has 3", "still here", "a cancelled by Task-1: by myself"});
  CHECK(task.cancelled());
  CHECK_FALSE(loop.run_once());  // the sleep has left nothing behind
}

TEST_CASE_METHOD(Cancelling, "Cancel: a task that runs hears it at yield_now", "[cancel]") {
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    note("goes on");
    co_await yield_now();
    note("not reached");
  });
  run_until_idle();
  CHECK(trace == Trace{"goes on"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: awaiting what is done already is no place to hear it",
                 "[cancel]") {
  const auto other = spawn("other", give(7));
  run_until_idle();
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    const int value = co_await other;
    note("has " + std::to_string(value));
    co_await yield_now();
    note("not reached");
  });
  run_until_idle();
  CHECK(trace == Trace{"has 7"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: a task that cancels itself and never waits again finishes",
                 "[cancel]") {
  Task<int> task;
  task = spawn("a", [&]() -> Coro<int> {
    task.cancel();
    co_return 5;
  });
  run_until_idle();
  CHECK(task.state() == TaskState::kFinished);
  CHECK_FALSE(task.cancelled());
  CHECK(task.result() == 5);
  CHECK(task.cancelling() == 1);
}

TEST_CASE_METHOD(Cancelling, "Cancel: while it yields it hears it there", "[cancel]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    note("one");
    co_await yield_now();
    note("not reached");
  });
  loop.run_once();
  CHECK(task.cancel());
  run_until_idle();
  CHECK(trace == Trace{"one"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: twice before it is heard is one throw, with the first reason",
                 "[cancel]") {
  const auto task = spawn("a", swallow("a"));
  run_until_idle();
  CHECK(task.cancel("first"));
  CHECK(task.cancel("second"));
  CHECK(task.cancelling() == 2);
  run_until_idle();
  CHECK(trace == Trace{"a cancelled: first", "a goes on"});
  CHECK(task.cancelling() == 2);
  CHECK(task.state() == TaskState::kFinished);
}

TEST_CASE_METHOD(Cancelling, "Cancel: twice while it runs is one throw, with the first reason",
                 "[cancel]") {
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel("first");
    task.cancel("second");
    co_await swallow("a", 1);
    co_await yield_now();
    note("not cancelled any more");
  });
  run_until_idle();
  CHECK(trace == Trace{"a cancelled by Task-1: first", "a goes on", "not cancelled any more"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: one that was swallowed can be asked for again", "[cancel]") {
  const auto task = spawn("a", swallow("a", 3));
  run_until_idle();
  for (const auto* reason : {"once", "twice", "thrice"}) {
    CHECK(task.cancel(reason));
    run_until_idle();
  }
  CHECK(trace ==
        Trace{"a cancelled: once", "a cancelled: twice", "a cancelled: thrice", "a goes on"});
  CHECK(task.state() == TaskState::kFinished);
  CHECK(task.cancelling() == 3);
}

TEST_CASE_METHOD(Cancelling, "Cancel: one that was swallowed is over, and the next wait is whole",
                 "[cancel]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await swallow("a");
    co_await Sleep(2s);
    note("slept for two");
  });
  run_until_idle();
  task.cancel();
  run_to_end();
  CHECK(trace == Trace{"a cancelled", "a goes on", "slept for two"});
  CHECK(clock.elapsed() == 2s);
}

TEST_CASE_METHOD(Cancelling, "Cancel: a task that is done takes no request", "[cancel]") {
  const auto finished = spawn("a", give(1));
  const auto failed = spawn("b", []() -> Coro<> {
    co_await yield_now();
    throw std::runtime_error("no");
  });
  const auto cancelled = spawn("c", wait("c"));
  cancelled.cancel("before");
  run_until_idle();
  for (const AnyTask& task : {AnyTask(finished), AnyTask(failed), AnyTask(cancelled)}) {
    const auto asked = task.cancelling();
    CHECK_FALSE(task.cancel("after"));
    CHECK(task.cancelling() == asked);
    note_state(task);
  }
  CHECK(trace == Trace{"finished", "failed", "cancelled"});
  CHECK(finished.result() == 1);
  CHECK_THROWS_WITH(failed.result(), "no");
  try {
    cancelled.result();
  } catch (const CancelledError& error) {
    CHECK(error.reason() == "before");
  }
}

TEST_CASE_METHOD(Cancelling, "Cancel: a done callback may cancel", "[cancel][done_callback]") {
  const auto waiter = spawn("waiter", wait("waiter"));
  const auto task = spawn("a", give(1));
  task.add_done_callback([&](const Task<int>& done) {
    note(done.cancel("too late") ? "took it" : "did not take it");
    waiter.cancel("not needed any more");
  });
  run_until_idle();
  CHECK(trace == Trace{"did not take it", "waiter cancelled: not needed any more"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: a task whose loop is gone takes no request",
                 "[cancel][lifetime]") {
  std::optional<EventLoop> other(std::in_place);
  const auto orphan = other->create_task(give(1));
  other.reset();
  CHECK_FALSE(orphan.cancel());
}

TEST_CASE_METHOD(Cancelling, "Cancel: two tasks may cancel one another in the same turn",
                 "[cancel]") {
  Task<> first, second;
  const auto fight = [this](std::string name, Task<>& other) -> Coro<> {
    co_await yield_now();
    note(name + (other.cancel() ? " strikes" : " is too late"));
    co_await wait(name);
  };
  first = spawn("a", fight("a", second));
  second = spawn("b", fight("b", first));
  run_until_idle();
  // b had yielded, and so hears it there; it never struck.
  CHECK(trace == Trace{"a strikes"});
  CHECK(second.cancelled());
  CHECK_FALSE(first.done());
}

// ---- Cleaning up

TEST_CASE_METHOD(Cancelling, "Cancel: cleanup may await", "[cancel][cleanup]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    std::exception_ptr why;
    try {
      co_await wait("a");
    } catch (const CancelledError&) {
      why = std::current_exception();
    }
    co_await Sleep(2s);
    co_await yield_now();
    note("cleaned up at " + std::to_string(clock.elapsed() / 1s));
    if (why) std::rethrow_exception(why);
  });
  run_until_idle();
  task.cancel("enough");
  run_to_end();
  CHECK(trace == Trace{"a cancelled: enough", "cleaned up at 2"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: asked again, the cleanup is cut short", "[cancel][cleanup]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    bool cancelled = false;
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (cancelled) co_await wait("cleanup");
  });
  run_until_idle();
  task.cancel("first");
  run_until_idle();
  CHECK(trace.empty());
  task.cancel("second");
  run_until_idle();
  CHECK(trace == Trace{"cleanup cancelled: second"});
  CHECK(task.cancelled());
  CHECK(task.cancelling() == 2);
}

TEST_CASE_METHOD(Cancelling, "Cancel: a cleanup that fails is an error, and is reported",
                 "[cancel][cleanup][errors]") {
  {
    const auto task = spawn("a", [this]() -> Coro<> {
      try {
        co_await wait("a");
      } catch (const CancelledError&) {
        throw std::runtime_error("cannot clean up");
      }
    });
    run_until_idle();
    task.cancel();
    run_until_idle();
    CHECK(task.state() == TaskState::kFailed);
    CHECK_FALSE(task.cancelled());
  }
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: cannot clean up"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: a body that throws CancelledError unasked is cancelled",
                 "[cancel]") {
  const auto task = spawn("a", []() -> Coro<> {
    throw CancelledError("I give up");
    co_return;
  });
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(task.cancelling() == 0);
  CHECK(errors.empty());
}

// ---- Taking it back

TEST_CASE_METHOD(Cancelling, "Cancel: uncancel counts down, and not below zero",
                 "[cancel][uncancel]") {
  const auto task = spawn("a", swallow("a"));
  run_until_idle();
  CHECK(task.cancelling() == 0);
  CHECK(task.uncancel() == 0);
  for (int i = 0; i < 3; ++i) task.cancel();
  run_until_idle();
  CHECK(task.uncancel() == 2);
  CHECK(task.cancelling() == 2);
  CHECK(task.uncancel() == 1);
  CHECK(task.uncancel() == 0);
  CHECK(task.uncancel() == 0);
}

TEST_CASE_METHOD(Cancelling, "Cancel: taken back before the first step, the body runs",
                 "[cancel][uncancel]") {
  const auto task = spawn("a", give(4));
  task.cancel();
  task.cancel();
  CHECK(task.uncancel() == 1);
  CHECK(task.uncancel() == 0);
  run_until_idle();
  CHECK(task.state() == TaskState::kFinished);
  CHECK(task.result() == 4);
}

TEST_CASE_METHOD(Cancelling, "Cancel: of two, one taken back leaves the other",
                 "[cancel][uncancel]") {
  const auto task = spawn("a", give(4));
  task.cancel();
  task.cancel();
  task.uncancel();
  run_until_idle();
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(Cancelling, "Cancel: taken back while the task runs, it is not heard",
                 "[cancel][uncancel]") {
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    co_await give(1);  // so that the coroutine that ran last is gone
    co_await [](Coro<> inner) -> Coro<> {
      co_await std::move(inner);
    }([]() -> Coro<> { co_await yield_now(); }());
    task.cancel();
    CHECK(task.uncancel() == 0);
    co_await Sleep(1s);
    note("slept");
  });
  run_to_end();
  CHECK(trace == Trace{"slept"});
  CHECK(task.state() == TaskState::kFinished);
}

TEST_CASE_METHOD(Cancelling, "Cancel: taken back after the wake-up, it is not heard",
                 "[cancel][uncancel]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await Sleep(1s);
    note("woken");
    co_await Sleep(1s);
    note("slept");
  });
  loop.call_at(loop.time() + 1s, [&] {
    task.cancel();
    CHECK(task.uncancel() == 0);
  });
  run_to_end();
  CHECK(trace == Trace{"woken", "slept"});
}

TEST_CASE_METHOD(Cancelling, "Cancel: whoever swallows it far out may take it back there",
                 "[cancel][uncancel]") {
  // What a timeout does: it cancels its own task, recognises its own request, and takes it back.
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    const auto deadline = loop.call_later(2s, [&] { task.cancel("time is up"); });
    bool timed_out = false;
    try {
      co_await [](Cancelling& fixture) -> Coro<> { co_await fixture.wait("inner"); }(*this);
    } catch (const CancelledError&) {
      timed_out = task.uncancel() == 0;
    }
    note(timed_out ? "timed out" : "somebody else's");
    co_await Sleep(1s);
    note("goes on");
  });
  run_to_end();
  CHECK(trace == Trace{"inner cancelled: time is up", "timed out", "goes on"});
  CHECK(task.state() == TaskState::kFinished);
}

TEST_CASE_METHOD(Cancelling, "Cancel: the count tells one's own request from somebody else's",
                 "[cancel][uncancel]") {
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    loop.call_later(2s, [&] { task.cancel("time is up"); });
    loop.call_later(2s, [&] { task.cancel("from outside"); });
    std::exception_ptr why;
    try {
      co_await wait("a");
    } catch (const CancelledError&) {
      why = std::current_exception();
    }
    if (task.uncancel() > 0) std::rethrow_exception(why);
    note("not reached");
  });
  run_to_end();
  CHECK(trace == Trace{"a cancelled: time is up"});
  CHECK(task.cancelled());
  CHECK(task.cancelling() == 1);
}

// ---- Handles

TEST_CASE_METHOD(Cancelling, "Cancel: a handle without the type can do all of it",
                 "[cancel][task]") {
  const Task<int> task = spawn("a", [this]() -> Coro<int> {
    co_await wait("a");
    co_return 1;
  });
  const AnyTask any = task;
  run_until_idle();
  CHECK(any.id() == 1);
  CHECK(any.label() == "Task-1");
  CHECK(any.waits_for() == "sleep of 3600s");
  CHECK(any.cancel("enough"));
  CHECK(any.cancelling() == 1);
  CHECK(any.uncancel() == 0);  // but it has stopped waiting
  run_until_idle();
  CHECK(any.done());
  CHECK(any.cancelled());
  CHECK(any == AnyTask(task));
  CHECK_FALSE(any == AnyTask(spawn("b", give(1))));
}

TEST_CASE("Cancel: a handle without the type is as small as a pointer", "[cancel][task]") {
  CHECK(sizeof(AnyTask) == sizeof(void*));
  CHECK_FALSE(AnyTask());
}

TEST_CASE_METHOD(Cancelling, "Cancel: a task finds itself, and outside of tasks there is none",
                 "[cancel][task]") {
  CHECK_FALSE(loop.current_task());
  loop.call_soon([this] { note(loop.current_task() ? "some" : "none"); });
  const auto task = spawn("a", [this]() -> Coro<> {
    const AnyTask self = co_await treadle::get_current_task();
    note(self.label());
    note(loop.current_task().label());
    co_await yield_now();
    note(loop.current_task().label());
    self.cancel("by myself");
    co_await wait("a");
  });
  spawn("b", [this]() -> Coro<> {
    note(loop.current_task().label());
    co_return;
  });
  run_until_idle();
  CHECK(trace ==
        Trace{"none", "Task-1", "Task-1", "Task-2", "Task-1", "a cancelled by Task-1: by myself"});
  CHECK_FALSE(loop.current_task());
}

}  // namespace test_cancel
