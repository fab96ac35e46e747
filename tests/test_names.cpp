#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/sleep.hpp"

namespace test_names {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EnhancedTask;
using treadle::EventLoop;
using treadle::get_current_task;
using treadle::InvalidStateError;
using treadle::Sleep;
using treadle::Task;
using treadle::testing::LoopFixture;
using treadle::testing::Threads;
using treadle::testing::Trace;

Coro<int> give(int value) { co_return value; }
Coro<> sleeper() { co_await Sleep(1h); }
Coro<int> fails() {
  throw std::runtime_error("no");
  co_return 0;
}

TEST_CASE_METHOD(LoopFixture, "Names: a task without one goes by its number", "[names]") {
  const EnhancedTask<int> task = loop.create_task(give(1));
  CHECK(task.name() == "Task-1");
  CHECK(task.label() == "Task-1");
  CHECK(task.id() == 1);
}

TEST_CASE_METHOD(LoopFixture, "Names: numbers are of the whole process", "[names]") {
  EventLoop other;
  const auto first = loop.create_task(give(1));
  const auto second = other.create_task(give(1));
  const auto third = loop.create_task(give(1));
  CHECK(first.id() < second.id());
  CHECK(second.id() < third.id());
}

TEST_CASE_METHOD(LoopFixture,
                 "Names: create_task and set_name give one, and an empty one takes it back",
                 "[names]") {
  const auto task = loop.create_task(give(1), "reader");
  CHECK(task.name() == "reader");
  task.set_name("writer");
  CHECK(task.name() == "writer");
  task.set_name("");
  CHECK(task.name() == "Task-1");
}

TEST_CASE_METHOD(LoopFixture, "Names: they stand wherever a task is spoken of", "[names]") {
  const auto slow = loop.create_task(sleeper(), "slow");
  auto waiter = loop.create_task([](Task<> task) -> Coro<> { co_await task; }(slow), "waiter");
  loop.create_task(fails(), "broken");
  run_until_idle();
  CHECK(waiter.waits_for() == "slow");
  CHECK(errors == Trace{"broken failed and nobody awaited it: no"});

  loop.create_task(
      [](AnyTask task) -> Coro<> {
        task.cancel();
        co_return;
      }(waiter),
      "killer");
  run_until_idle();
  try {
    waiter.result();
    FAIL("it was cancelled");
  } catch (const CancelledError& error) {
    CHECK(error.by() == "killer");
  }
}

TEST_CASE_METHOD(LoopFixture, "Names: a task knows the line that made it", "[names]") {
  const auto task = loop.create_task(give(1));
  const unsigned line = __LINE__ - 1;
  CHECK(task.created_at().line() == line);
  CHECK_THAT(std::string(task.created_at().file_name()), ContainsSubstring("test_names.cpp"));
}

// ---- What a task remembers

TEST_CASE_METHOD(LoopFixture, "Context: a value comes back as what it was put in", "[context]") {
  const auto task = loop.create_task(give(1));
  CHECK_FALSE(task.context<int>("user_id"));
  task.add_context("user_id", 12345);
  task.add_context("path", "/index.html");
  task.add_context("ratio", 0.5);
  CHECK(task.context<int>("user_id") == 12345);
  CHECK(task.context<std::string>("path") == "/index.html");
  CHECK(task.context<double>("ratio") == 0.5);
}

TEST_CASE_METHOD(LoopFixture, "Context: asked for as another type it says so", "[context]") {
  const auto task = loop.create_task(give(1), "reader");
  task.add_context("user_id", 12345);
  CHECK_THROWS_AS(task.context<std::string>("user_id"), InvalidStateError);
  CHECK_THROWS_WITH(task.context<long>("user_id"),
                    ContainsSubstring("reader") && ContainsSubstring("\"user_id\""));
}

TEST_CASE_METHOD(LoopFixture, "Context: the list is text, in the order of the keys", "[context]") {
  const auto task = loop.create_task(give(1));
  CHECK(task.context().empty());
  task.add_context("b", 1);
  task.add_context("a", "x");
  task.add_context("b", std::string("again"));
  CHECK(task.context() ==
        std::vector<std::pair<std::string, std::string>>{{"b", "again"}, {"a", "x"}});
}

TEST_CASE_METHOD(LoopFixture, "Context: it is there after the task has ended", "[context]") {
  auto task =
      loop.create_task([]() -> Coro<> { (co_await get_current_task()).add_context("step", 3); }());
  run_until_idle();
  CHECK(task.done());
  CHECK(task.context<int>("step") == 3);
}

TEST_CASE_METHOD(LoopFixture, "Context: names and context may be set from any thread",
                 "[context][real-time]") {
  const auto task = loop.create_task(sleeper());
  Threads threads;
  threads.start_together(4, [task](int i) {
    for (int n = 0; n < 200; ++n) {
      task.set_name("thread " + std::to_string(i));
      task.add_context("who", i);
      (void)task.context();
    }
  });
  threads.join();
  CHECK_THAT(task.name(), ContainsSubstring("thread "));
  CHECK(task.context().size() == 1);
}

}  // namespace test_names
