// The laws of Blame: who was ready while another ran, and for how long.
#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using treadle::Coro;
using treadle::sleep_for;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

class Office : public LoopFixture {
 public:
  // Holds the thread.
  void work(Clock::duration time) { clock.advance(time); }

  // So many steps of that length.
  Coro<> worker(Clock::duration time, int steps = 1) {
    for (int i = 0; i < steps; ++i) {
      if (i > 0) co_await yield_now();
      work(time);
    }
  }

  Coro<> nothing() { co_return; }
  Coro<> sleeper(Clock::duration time) { co_await sleep_for(time); }
  Coro<> joiner(Task<> task) { co_await task; }

  Task<> start(const std::string& name, Coro<> coro) {
    return loop.create_task(std::move(coro), name);
  }

  static long seconds(Clock::duration time) { return static_cast<long>(time / 1s); }
};

}  // namespace

TEST_CASE_METHOD(Office, "Blame: a step costs the time of all who are ready meanwhile") {
  Blame blame(clock);
  loop.add_observer(blame);
  const Task<> ann = start("ann", worker(2s));
  const Task<> bob = start("bob", worker(3s));
  const Task<> cleo = start("cleo", worker(5s, 2));
  const Task<> dan = start("dan", nothing());
  run_to_end();
  {
    INFO("Ann's only step took 2 seconds. Bob, Cleo and Dan were ready.");
    CHECK(seconds(blame.caused_by(ann)) == 6);
  }
  {
    INFO("Bob's step took 3 seconds. Cleo and Dan were ready; Ann was done.");
    CHECK(seconds(blame.caused_by(bob)) == 6);
  }
  {
    INFO("Cleo took two steps of 5 seconds. In the first, Dan was ready; in the second, nobody.");
    CHECK(seconds(blame.caused_by(cleo)) == 5);
  }
  INFO("Dan did nothing, and last of all.");
  CHECK(seconds(blame.caused_by(dan)) == 0);
  loop.remove_observer(blame);
}

TEST_CASE_METHOD(Office, "Blame: who sleeps is not kept waiting") {
  Blame blame(clock);
  loop.add_observer(blame);
  start("sleeper", sleeper(1h));
  const Task<> ann = start("ann", nothing());
  start("joiner", joiner(start("clerk", sleeper(1h))));
  run_until_idle();
  const Task<> bob = start("bob", worker(7s, 3));
  run_until_idle();
  INFO("Bob worked. Two others slept, one waited for one of them, and nobody was ready.");
  CHECK(seconds(blame.caused_by(bob)) == 0);
  CHECK(seconds(blame.caused_by(ann)) == 0);
  loop.remove_observer(blame);
}

TEST_CASE_METHOD(Office, "Blame: who becomes ready in a step counts from then on") {
  Blame blame(clock);
  loop.add_observer(blame);
  const Task<> sleeper = start("sleeper", [](Office& office) -> Coro<> {
    try {
      co_await sleep_for(1h);
    } catch (const treadle::CancelledError&) {
      office.note("hears");
    }
  }(*this));
  run_until_idle();
  const Task<> ann = start("ann", [](Office& office, Task<> sleeper) -> Coro<> {
    office.work(2s);
    office.start("child", office.nothing());
    office.work(3s);
    sleeper.cancel();
    office.work(4s);
    co_return;
  }(*this, sleeper));
  run_until_idle();
  INFO(
      "Ann worked for 9 seconds. After 2 of them she made a child, which is ready at once; after 5 "
      "she cancelled somebody who slept, and woke him so. They were kept waiting for 7 and for 4.");
  CHECK(seconds(blame.caused_by(ann)) == 11);
  loop.remove_observer(blame);
}

TEST_CASE_METHOD(Office, "Blame: the last step counts as well") {
  Blame blame(clock);
  loop.add_observer(blame);
  const Task<> ann = start("ann", worker(1s, 3));
  const Task<> bob = start("bob", [](Office& office) -> Coro<> {
    co_await yield_now();
    office.work(10s);
    throw std::runtime_error("no paper");
  }(*this));
  start("cleo", worker(0s, 4));
  run_to_end();
  INFO(
      "Ann took three steps of 1 second, and was done. Bob and Cleo were ready in the first two, "
      "Cleo alone in the third.");
  CHECK(seconds(blame.caused_by(ann)) == 5);
  INFO("Bob's second step took 10 seconds, and ended with an error. Cleo and Ann were ready.");
  CHECK(seconds(blame.caused_by(bob)) == 20);
  CHECK_THROWS(bob.result());
  loop.remove_observer(blame);
}

TEST_CASE_METHOD(Office, "Blame: who never began has caused nothing, and waits no longer") {
  Blame blame(clock);
  loop.add_observer(blame);
  const Task<> ann = start("ann", worker(2s));
  const Task<> never = start("never", nothing());
  start("dan", nothing());
  never.cancel();
  run_until_idle();
  {
    INFO("A task was cancelled before its first step. Before, Ann had worked for 2 seconds.");
    CHECK(seconds(blame.caused_by(ann)) == 4);
    CHECK(seconds(blame.caused_by(never)) == 0);
  }
  const Task<> bob = start("bob", worker(5s));
  run_until_idle();
  INFO(
      "Bob worked for 5 seconds, and nobody else was there; one had been cancelled before his "
      "first step.");
  CHECK(seconds(blame.caused_by(bob)) == 0);
  loop.remove_observer(blame);
}

TEST_CASE_METHOD(Office, "Blame: it may come late") {
  Blame blame(clock);
  start("sleeper", sleeper(20s));
  const Task<> ann = start("ann", [](Office& office, Blame& blame) -> Coro<> {
    co_await yield_now();
    office.work(5s);
    office.loop.add_observer(blame);
    office.work(5s);
    co_await yield_now();
    office.work(3s);
  }(*this, blame));
  start("bob", worker(0s, 4));
  run_to_end();
  {
    INFO("An observer that throws is detached. This is what the exception handler was told:");
    REQUIRE(errors == Trace{});
  }
  INFO(
      "The observer came in the middle of a step of Ann's, which does not count. It saw her next "
      "one, of 3 seconds, whole; and Bob, of whom it had heard by then, was ready.");
  CHECK(seconds(blame.caused_by(ann)) == 3);
  loop.remove_observer(blame);
}

TEST_CASE_METHOD(Office, "Blame: the worst is named") {
  Blame blame(clock);
  {
    INFO("Nobody has done anything yet.");
    CHECK(blame.worst() == "");
  }
  loop.add_observer(blame);
  start("alone", worker(1h));
  run_until_idle();
  {
    INFO("Somebody worked for an hour, and nobody wanted to run meanwhile.");
    CHECK(blame.worst() == "");
  }
  start("first", worker(3s, 8));
  start("second", worker(5s, 2));
  start("twin", worker(3s, 3));
  start("twin", worker(3s, 3));
  start("idler", worker(0s, 20));
  run_until_idle();
  {
    INFO(
        "The task that was called first took eight steps of 3 seconds. Another one's were longer, "
        "but "
        "there were fewer of them. Two have the same name: together they would be the worst.");
    CHECK(blame.worst() == "first");
  }
  const Task<> renamed = start("clerk", worker(20s, 2));
  start("other", worker(0s, 3));
  start("another", worker(0s, 3));
  loop.run_once();
  renamed.set_name("chief");
  run_until_idle();
  INFO("A task was called clerk, and chief from its second step on.");
  CHECK(blame.worst() == "chief");
  loop.remove_observer(blame);
}
