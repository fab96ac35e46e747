// The laws of CostBook: every task once, under whoever it was for.
#include <stdexcept>

#include "testing/hang_watch.hpp"
#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using treadle::Coro;
using treadle::sleep_for;
using treadle::Task;

#include ANSWER

namespace {

using Text = std::vector<std::string>;

class Server {
 public:
  treadle::testing::VirtualClock clock;
  Text errors;
  EventLoop loop{treadle::LoopOptions{.timing = true}, clock};
  CostBook book{loop, "user"};

  Server() {
    loop.set_exception_handler([this](const treadle::ErrorContext& context) {
      errors.push_back(treadle::describe(context));
    });
    loop.add_observer(book);
  }
  ~Server() { loop.remove_observer(book); }

  // Works, sleeps, works again.
  Coro<> request(Clock::duration work, Clock::duration sleep) {
    clock.advance(work);
    co_await sleep_for(sleep);
    clock.advance(work);
  }

  // The same for `user`, as everybody knows from the beginning.
  Task<> start(const std::string& user, Clock::duration work, Clock::duration sleep) {
    Task<> task = loop.create_task(request(work, sleep), "request");
    task.add_context("path", "/index");
    task.add_context("user", user);
    return task;
  }

  Coro<> failing() {
    clock.advance(3s);
    co_await sleep_for(1s);
    throw std::runtime_error("no paper");
  }

  // Each line in words, such as `ann: 2 tasks, ran 8s, waited 20s`.
  Text lines() const {
    Text text;
    for (const Line& line : book.lines()) {
      text.push_back(line.who + ": " + std::to_string(line.tasks) + " tasks, ran " +
                     std::to_string(line.ran / 1s) + "s, waited " +
                     std::to_string(line.waited / 1s) + "s");
    }
    return text;
  }
};

}  // namespace

TEST_CASE_METHOD(Server, "CostBook: adds up what the tasks of each have cost") {
  CHECK(lines() == Text{});
  start("ann", 1s, 10s);
  loop.run_forever();
  {
    INFO("Ann's task worked for 1 second, slept for 10, and worked for 1 again.");
    CHECK(lines() == Text{"ann: 1 tasks, ran 2s, waited 10s"});
  }
  start("bob", 5s, 10s);
  start("ann", 1s, 10s);
  loop.run_forever();
  INFO(
      "Bob's worked for 5 seconds, slept for 10 and worked for 5. Meanwhile another one of Ann's "
      "was "
      "ready for 5 seconds, worked for 1, slept for 14, as Bob's held the thread, and worked for "
      "1.");
  CHECK(lines() == Text{"bob: 1 tasks, ran 10s, waited 10s", "ann: 2 tasks, ran 4s, waited 29s"});
}

TEST_CASE_METHOD(Server, "CostBook: a value of any type, and of the last moment") {
  const Task<> number = loop.create_task(request(2s, 0s));
  number.add_context("user", 12345);
  loop.run_forever();
  {
    INFO(
        "The user is a number here. An observer that throws is detached, as the handler was told:");
    REQUIRE(errors == Text{});
  }
  {
    INFO("The user is a number here.");
    CHECK(lines() == Text{"12345: 1 tasks, ran 4s, waited 0s"});
  }
  const Task<> learns = loop.create_task(request(1s, 10s));
  learns.add_context("user", "somebody");
  loop.run_until_idle();
  learns.add_context("user", "ann");
  loop.run_forever();
  INFO("Another task learned only while it slept that it works for Ann.");
  CHECK(lines() == Text{"12345: 1 tasks, ran 4s, waited 0s", "ann: 1 tasks, ran 2s, waited 10s"});
}

TEST_CASE_METHOD(Server, "CostBook: whoever names nobody is there too") {
  loop.create_task(request(2s, 3s));
  const Task<> other = loop.create_task(request(0s, 0s));
  other.add_context("use", "ann");
  other.add_context("users", "bob");
  loop.run_forever();
  INFO("Two tasks have no value under the key. What they cost was spent all the same.");
  CHECK(lines() == Text{"-: 2 tasks, ran 4s, waited 5s"});
}

TEST_CASE_METHOD(Server, "CostBook: errors and cancels cost as well") {
  const Task<> fails = loop.create_task(failing());
  fails.add_context("user", "ann");
  const Task<> cancelled = start("bob", 2s, 1h);
  loop.run_until_idle();
  clock.advance(10s);
  cancelled.cancel();
  loop.run_forever();
  CHECK_THROWS(fails.result());
  INFO(
      "Ann's task failed after 3 seconds of work. Bob's was cancelled after 2 of work and some "
      "sleep.");
  CHECK(lines() == Text{"ann: 1 tasks, ran 3s, waited 2s", "bob: 1 tasks, ran 2s, waited 13s"});
}

TEST_CASE_METHOD(Server, "CostBook: what is not done yet counts, and never twice") {
  start("ann", 3s, 10s);
  loop.run_until_idle();
  clock.advance(4s);
  {
    INFO("Ann's task has worked for 3 seconds, and has slept for 4 of 10. It was asked twice.");
    CHECK(lines() == Text{"ann: 1 tasks, ran 3s, waited 4s"});
    CHECK(lines() == Text{"ann: 1 tasks, ran 3s, waited 4s"});
  }
  loop.run_forever();
  INFO("Ann's task is done now. It was in the list while it was not, too.");
  CHECK(lines() == Text{"ann: 1 tasks, ran 6s, waited 10s"});
}

TEST_CASE_METHOD(Server, "CostBook: the dearest comes first") {
  for (const char* user : {"dan", "cleo", "ann"}) start(user, 1s, 0s);
  start("bob", 2s, 0s);
  loop.run_forever();
  Text names;
  for (const Line& line : book.lines()) names.push_back(line.who);
  INFO("Bob's task worked for 4 seconds, those of the others for 2 each. Equals come by name.");
  CHECK(names == Text{"bob", "ann", "cleo", "dan"});
}
