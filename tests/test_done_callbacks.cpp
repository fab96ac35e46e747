#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace test_done_callbacks {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::LoopClosedError;
using treadle::Sleep;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<int> give(int value) { co_return value; }

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it is called once the task is done, with its handle",
                 "[task][done_callback]") {
  const auto task = spawn("a", give(3));
  task.add_done_callback([this](Task<int> done) {
    CHECK(done.done());
    note(done.label() + " has " + std::to_string(done.result()));
  });
  CHECK(trace.empty());
  run_until_idle();
  run_until_idle();
  CHECK(trace == Trace{"Task-1 has 3"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it may take the handle without the type, or nothing",
                 "[task][done_callback]") {
  const auto task = spawn("a", give(3));
  task.add_done_callback([this](const AnyTask& done) { note(done.label()); });
  AnyTask(task).add_done_callback([this](AnyTask done) { note(done.label() + " again"); });
  task.add_done_callback([this] { note("done"); });
  run_until_idle();
  CHECK(trace == Trace{"Task-1", "Task-1 again", "done"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: they run in the order of registration",
                 "[task][done_callback][fair]") {
  const auto task = spawn("a", give(3));
  Trace expected;
  for (int i = 0; i < 20; ++i) {
    task.add_done_callback([this, i] { note(std::to_string(i)); });
    expected.push_back(std::to_string(i));
  }
  run_until_idle();
  CHECK(trace == expected);
}

TEST_CASE_METHOD(
    LoopFixture,
    "DoneCallback: they run in the turn after the end, in one order with tasks that wait",
    "[task][done_callback][turn]") {
  const auto task = spawn("a", [this]() -> Coro<int> {
    co_await yield_now();
    co_await yield_now();
    note("the task ends");
    co_return 1;
  });
  const auto wait = [&](std::string name) -> Coro<> {
    co_await task;
    note(name);
  };
  spawn("b", wait("waits"));
  loop.run_once();
  task.add_done_callback([this] { note("callback"); });
  task.add_done_callback([&] { CHECK(task.done()); });
  spawn("c", wait("waits again"));
  loop.run_once();
  loop.run_once();
  CHECK(trace == Trace{"the task ends"});
  loop.run_once();
  CHECK(trace == Trace{"the task ends", "waits", "callback", "waits again"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: of a task that is done it runs in the next turn",
                 "[task][done_callback]") {
  const auto task = spawn("a", give(3));
  run_until_idle();
  task.add_done_callback([this] { note("callback"); });
  CHECK(trace.empty());  // not in the caller's turn
  run_until_idle();
  CHECK(trace == Trace{"callback"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it is called for errors and cancels just the same",
                 "[task][done_callback]") {
  const auto say = [this](const AnyTask& task) {
    note(task.label() + " " + std::string(to_string(task.state())));
  };
  const auto failed = spawn("a", []() -> Coro<> {
    co_await yield_now();
    throw std::runtime_error("no");
  });
  const auto cancelled = spawn("b", []() -> Coro<> { co_await Sleep(1h); });
  const auto never_began = spawn("c", give(1));
  for (const AnyTask& task : {AnyTask(failed), AnyTask(cancelled), AnyTask(never_began)})
    task.add_done_callback(say);
  never_began.cancel();
  loop.run_once();
  cancelled.cancel();
  run_until_idle();
  CHECK(trace == Trace{"Task-3 cancelled", "Task-1 failed", "Task-2 cancelled"});
  CHECK(failed.exception() != nullptr);
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: having one does not count as having seen the error",
                 "[task][done_callback][errors]") {
  spawn("a", []() -> Coro<> {
    co_await yield_now();
    throw std::runtime_error("no");
  }).add_done_callback([this] { note("callback"); });
  run_until_idle();
  CHECK(trace == Trace{"callback"});
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: no"});
}

TEST_CASE_METHOD(LoopFixture,
                 "DoneCallback: what it throws goes to the handler, and the others run",
                 "[task][done_callback][errors]") {
  const auto task = spawn("a", give(3));
  task.add_done_callback([this] { note("first"); });
  task.add_done_callback([]() { throw std::runtime_error("in a callback"); });
  task.add_done_callback([this] { note("third"); });
  run_until_idle();
  CHECK(trace == Trace{"first", "third"});
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], ContainsSubstring("in a callback"));
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it keeps the handle for as long as it needs it",
                 "[task][done_callback][lifetime]") {
  spawn("a", []() -> Coro<std::string> {
    co_await yield_now();
    co_return "text";
  }).add_done_callback([this](const Task<std::string>& done) { note(done.result()); });
  run_until_idle();
  CHECK(trace == Trace{"text"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it may be movable only, and goes when it has run",
                 "[task][done_callback][lifetime]") {
  Task<int> task = spawn("a", give(3));
  task.add_done_callback(
      [this, counted = Counted(1), text = std::make_unique<std::string>("once")] { note(*text); });
  CHECK(Counted::live() == 1);
  run_until_idle();
  CHECK(Counted::live() == 0);
  CHECK(Counted::copies() == 0);
  CHECK(trace == Trace{"once"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it may add another", "[task][done_callback]") {
  const auto task = spawn("a", give(3));
  task.add_done_callback([this](const Task<int>& done) {
    note("first");
    done.add_done_callback([this] { note("made by the first"); });
  });
  task.add_done_callback([this] { note("second"); });
  run_until_idle();
  CHECK(trace == Trace{"first", "second", "made by the first"});
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: it may make tasks", "[task][done_callback]") {
  const auto task = spawn("a", give(3));
  task.add_done_callback([this](const Task<int>& done) {
    spawn("b", [this, done]() -> Coro<> {
      const int value = co_await done;
      note("b has " + std::to_string(value));
    });
  });
  run_until_idle();
  CHECK(trace == Trace{"b has 3"});
}

TEST_CASE("DoneCallback: one that never runs goes with its loop",
          "[task][done_callback][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    std::optional<EventLoop> loop(std::in_place);
    const auto task = loop->create_task(give(1));
    task.add_done_callback([counted = Counted(1)] {});
    task.add_done_callback(
        [counted = Counted(1)](const Task<int>& done) { CHECK(done.cancelled()); });
    loop.reset();
    CHECK(Counted::live() == 0);
  }
  const bool balanced = memory.balanced();
  CHECK(balanced);
}

// Refuses to end, so that its loop has to destroy it.
Coro<int> refuse() {
  while (true) {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      continue;
    }
  }
}

TEST_CASE("DoneCallback: one of a task that refuses to end goes with its loop",
          "[task][done_callback][lifetime][close]") {
  Counted::reset();
  AllocationCheck memory;
  {
    EventLoop loop;
    loop.set_exception_handler([](const treadle::ErrorContext&) {});
    const auto task = loop.create_task(refuse());
    bool called = false;
    task.add_done_callback([&called, counted = Counted(1)] { called = true; });
    loop.run_until_idle();
    loop.close(0s);
    CHECK(task.cancelled());
    CHECK_FALSE(called);
    CHECK(Counted::live() == 0);
  }
  const bool balanced = memory.balanced();
  CHECK(balanced);
}

TEST_CASE_METHOD(LoopFixture, "DoneCallback: of a task whose loop is gone it is an error",
                 "[task][done_callback][lifetime]") {
  std::optional<EventLoop> other(std::in_place);
  const auto task = other->create_task(give(1));
  other->run_until_idle();
  other.reset();
  CHECK(task.result() == 1);
  CHECK_THROWS_AS(task.add_done_callback([] {}), LoopClosedError);
}

}  // namespace test_done_callbacks
