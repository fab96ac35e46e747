#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/counters.hpp"
#include "testing/loop_fixture.hpp"

namespace test_errors {

using treadle::Coro;
using treadle::describe;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::Ending;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

Coro<> fail(std::string why) {
  throw std::runtime_error(why);
  co_return;
}

Coro<> fail_late(std::string why) {
  co_await yield_now();
  throw std::runtime_error(why);
}

Coro<> throw_number() {
  throw 42;
  co_return;
}

Coro<> wait_for(Task<> task) { co_await task; }

// ---- An error that nobody awaited

TEST_CASE_METHOD(LoopFixture,
                 "Errors: one that nobody awaited reaches the handler by the name of its task",
                 "[errors]") {
  spawn("a", fail("no"));
  run_until_idle();
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: no"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: the handler is given the error itself", "[errors]") {
  std::exception_ptr seen;
  loop.set_exception_handler([&](const ErrorContext& context) { seen = context.error; });
  spawn("a", throw_number());
  run_until_idle();
  REQUIRE(seen);
  CHECK_THROWS_AS(std::rethrow_exception(seen), int);
}

TEST_CASE_METHOD(LoopFixture, "Errors: one that is no std::exception is reported like any other",
                 "[errors]") {
  spawn("a", throw_number());
  run_until_idle();
  CHECK(errors ==
        Trace{"Task-1 failed and nobody awaited it: an object that is no std::exception"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: one is reported when the last handle goes, and not before",
                 "[errors]") {
  std::optional<Task<>> task = spawn("a", fail("no"));
  auto copy = task;
  run_until_idle();
  CHECK(errors.empty());
  task.reset();
  CHECK(errors.empty());
  copy.reset();
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: no"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: one that was asked for is not reported", "[errors]") {
  SECTION("by result()") {
    const auto task = spawn("a", fail("no"));
    run_until_idle();
    CHECK_THROWS(task.result());
  }
  SECTION("by take()") {
    auto task = spawn("a", fail("no"));
    run_until_idle();
    CHECK_THROWS(std::move(task).take());
  }
  SECTION("by co_await, before its end") {
    const auto task = spawn("a", fail_late("no"));
    CHECK_THROWS(loop.run_until_complete(wait_for(task)));
  }
  SECTION("by co_await, after its end") {
    const auto task = spawn("a", fail("no"));
    run_until_idle();
    CHECK_THROWS(loop.run_until_complete(wait_for(task)));
  }
  SECTION("by co_await of a temporary") {
    CHECK_THROWS(run([this]() -> Coro<> { co_await loop.create_task(fail("no")); }));
  }
  SECTION("by run_until_complete") { CHECK_THROWS(loop.run_until_complete(fail("no"))); }
  SECTION("by any one of those who hold handles") {
    auto task = spawn("a", fail("no"));
    const auto copy = task;
    run_until_idle();
    CHECK_THROWS(copy.result());
  }
  CHECK(errors.empty());
}

TEST_CASE_METHOD(LoopFixture, "Errors: looking whether a task is done does not count as asking",
                 "[errors]") {
  {
    const auto task = spawn("a", fail("no"));
    run_until_idle();
    CHECK(task.done());
    CHECK(task.block().error() != nullptr);
  }
  CHECK(errors.size() == 1);
}

TEST_CASE_METHOD(LoopFixture,
                 "Errors: one passed on by an awaiter is the awaiter's, and reported once",
                 "[errors]") {
  const auto inner = spawn("inner", fail_late("no"));
  spawn("outer", [inner]() -> Coro<> { co_await inner; });
  run_until_idle();
  CHECK(errors == Trace{"Task-2 failed and nobody awaited it: no"});
}

TEST_CASE_METHOD(LoopFixture,
                 "Errors: each of several is reported, in the order in which they came",
                 "[errors]") {
  spawn("a", fail_late("first to be made"));
  spawn("b", fail("first to end"));
  run_until_idle();
  CHECK(errors == Trace{"Task-2 failed and nobody awaited it: first to end",
                        "Task-1 failed and nobody awaited it: first to be made"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: a task that fails stops nobody else", "[errors]") {
  spawn("a", fail("no"));
  spawn("b", [this]() -> Coro<> {
    co_await yield_now();
    note("b ends");
  });
  run_until_idle();
  CHECK(trace == Trace{"b ends"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: one is reported when its loop goes before the handle",
                 "[errors][lifetime]") {
  Trace reported;
  std::optional<Task<>> task;
  {
    EventLoop other;
    other.set_exception_handler(
        [&](const ErrorContext& context) { reported.push_back(describe(context)); });
    task = other.create_task(fail("no"));
    other.run_until_idle();
    CHECK(reported.empty());
  }
  CHECK(reported == Trace{"Task-1 failed and nobody awaited it: no"});
  CHECK_THROWS_WITH(task->result(), "no");  // it can still be asked for
  task.reset();
  CHECK(reported.size() == 1);
}

TEST_CASE_METHOD(LoopFixture,
                 "Errors: one that an awaiter was to get is reported when the loop goes first",
                 "[errors][lifetime]") {
  Trace reported;
  {
    EventLoop other;
    other.set_exception_handler(
        [&](const ErrorContext& context) { reported.push_back(describe(context)); });
    const auto task = other.create_task(fail_late("no"));
    const auto waits = [](Task<> target) -> Coro<> { co_await target; };
    other.create_task(waits(task));
    for (int i = 0; i < 2;
         ++i) {  // the task fails in the second turn, and its awaiter would see it in the third
      other.stop();
      other.run_until_idle();
    }
    CHECK(task.done());
  }
  REQUIRE(reported.size() == 1);  // of whichever it got to: the task's own or its awaiter's
  CHECK_THAT(reported[0], ContainsSubstring("failed and nobody awaited it: no"));
}

TEST_CASE_METHOD(LoopFixture,
                 "Errors: a handler may drop the last handle to the task it is told of",
                 "[errors][lifetime]") {
  std::vector<Task<>> tasks;
  tasks.reserve(1);
  int reports = 0;
  const AllocationCheck memory;
  {
    EventLoop other;
    other.set_exception_handler([&](const ErrorContext&) {
      ++reports;
      tasks.clear();
    });
    tasks.push_back(other.create_task(fail("no")));
    other.run_until_idle();
  }
  const bool balanced = memory.balanced();
  CHECK(reports == 1);
  CHECK(balanced);
}

// ---- Callbacks

TEST_CASE_METHOD(LoopFixture, "Errors: a callback that throws is reported, and the turn goes on",
                 "[errors][call_soon]") {
  loop.call_soon([] { throw std::runtime_error("no"); });
  loop.call_soon([] { throw 42; });
  loop.call_soon([this] { note("next"); });
  run_until_idle();
  CHECK(errors ==
        Trace{"a callback failed: no", "a callback failed: an object that is no std::exception"});
  CHECK(trace == Trace{"next"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: a callback that throws is destroyed once",
                 "[errors][call_soon][lifetime]") {
  loop.call_soon([counted = Counted()] { throw std::runtime_error("no"); });
  CHECK(Counted::live() == 1);
  run_until_idle();
  CHECK(Counted::live() == 0);
}

// ---- The handler

TEST_CASE_METHOD(LoopFixture, "Errors: a handler may make tasks and callbacks",
                 "[errors][handler]") {
  loop.set_exception_handler([this](const ErrorContext&) {
    loop.call_soon([this] { note("callback"); });
    spawn("b", [this]() -> Coro<> {
      note("task");
      co_return;
    });
  });
  spawn("a", fail("no"));
  run_until_idle();
  CHECK(trace == Trace{"callback", "task"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: a handler may stop the loop", "[errors][handler]") {
  loop.set_exception_handler([this](const ErrorContext&) { loop.stop(); });
  spawn("a", fail("no"));
  spawn("b", [this]() -> Coro<> {
    co_await yield_now();
    note("a turn too late");
  });
  loop.run_forever();
  CHECK(trace.empty());
  loop.run_forever();
  CHECK(trace == Trace{"a turn too late"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: a handler may put another in its own place",
                 "[errors][handler]") {
  auto kept = std::make_shared<std::string>("the first handler, long enough to lie on the heap");
  loop.set_exception_handler([this, kept](const ErrorContext&) {
    loop.set_exception_handler([this](const ErrorContext&) { note("the second handler"); });
    note(*kept);
  });
  kept.reset();
  spawn("a", fail("no"));
  spawn("b", fail("no"));
  run_until_idle();
  CHECK(trace == Trace{"the first handler, long enough to lie on the heap", "the second handler"});
}

TEST_CASE_METHOD(LoopFixture, "Errors: call_exception_handler tells the handler what it is told",
                 "[errors][handler]") {
  loop.call_exception_handler({"something odd", nullptr});
  CHECK(errors == Trace{"something odd"});
}

TEST_CASE("Errors: without a handler they are printed to stderr", "[errors][handler]") {
  const Ending ending = in_child([] {
    EventLoop loop;
    loop.create_task(fail("no"));
    loop.call_soon([] { throw 42; });
    loop.run_until_idle();
  });
  CHECK(ending.exit_code == 0);
  CHECK(ending.said ==
        "treadle: Task-1 failed and nobody awaited it: no\n"
        "treadle: a callback failed: an object that is no std::exception\n");
}

TEST_CASE("Errors: an empty handler brings back the default", "[errors][handler]") {
  const Ending ending = in_child([] {
    EventLoop loop;
    loop.set_exception_handler([](const ErrorContext&) {});
    loop.create_task(fail("kept quiet"));
    loop.run_until_idle();
    loop.set_exception_handler({});
    loop.create_task(fail("no"));
    loop.run_until_idle();
  });
  CHECK(ending.exit_code == 0);
  CHECK(ending.said == "treadle: Task-2 failed and nobody awaited it: no\n");
}

TEST_CASE(
    "Errors: a handler that throws is printed with the error it was told of, and goes no further",
    "[errors][handler]") {
  const Ending ending = in_child([] {
    EventLoop loop;
    loop.set_exception_handler(
        [](const ErrorContext&) { throw std::runtime_error("broken handler"); });
    loop.create_task(fail("no"));
    loop.run_until_idle();
    loop.set_exception_handler([](const ErrorContext&) { throw 42; });
    loop.create_task(fail("no"));
    loop.run_until_idle();
  });
  CHECK(ending.exit_code == 0);
  CHECK(ending.said ==
        "treadle: the exception handler itself failed: broken handler\n"
        "treadle: Task-1 failed and nobody awaited it: no\n"
        "treadle: the exception handler itself failed: an object that is no std::exception\n"
        "treadle: Task-2 failed and nobody awaited it: no\n");
}

TEST_CASE("Errors: describe puts the message and the error behind it on one line", "[errors]") {
  CHECK(describe({"alone", nullptr}) == "alone");
  CHECK(describe({"a", std::make_exception_ptr(std::runtime_error("b"))}) == "a: b");
  CHECK(describe({"a", std::make_exception_ptr(1)}) == "a: an object that is no std::exception");
}

TEST_CASE("Errors: a handler may destroy the loop, when the last handle goes after the run",
          "[errors][handler][lifetime]") {
  std::optional<EventLoop> loop(std::in_place);
  int told = 0;
  loop->set_exception_handler([&](const ErrorContext&) {
    ++told;
    loop.reset();
  });
  {
    const Task<> task = loop->create_task(fail("no"));
    loop->run_until_idle();
    CHECK(told == 0);
  }
  CHECK(told == 1);
  CHECK_FALSE(loop);
}

}  // namespace test_errors
