// The laws of run_all(): side by side, in order, and with no error lost.
#include <stdexcept>

#include "testing/counters.hpp"
#include "testing/loop_fixture.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/wait_list.hpp"

using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

// Yields `turns` times and says so each time, then ends with `value`.
treadle::Coro<int> job(LoopFixture& here, std::string name, int turns, int value) {
  for (int turn = 1; turn <= turns; ++turn) {
    here.note(name + std::to_string(turn));
    co_await treadle::yield_now();
  }
  here.note(name + " ends");
  co_return value;
}

treadle::Coro<int> failing_job(LoopFixture& here, std::string name, int turns) {
  co_await job(here, name, turns, 0);
  throw std::runtime_error(name + " failed");
}

treadle::Coro<Counted> counted_job(int value) {
  co_await treadle::yield_now();
  co_return Counted(value);
}

// A door that tasks wait at until somebody opens it.
class Door {
 public:
  class Wait : public treadle::Waiter {
   public:
    explicit Wait(Door& door) : door_(door) {}
    bool await_ready() const noexcept { return door_.open_; }
    template <treadle::TreadlePromise P>
    void await_suspend(std::coroutine_handle<P> caller) {
      door_.waiting_.add(*this);
      suspend(caller.promise());
    }
    void await_resume() const noexcept {}
    std::string waits_for() const override { return "the door of the check"; }

   private:
    Door& door_;
  };

  Wait pass() { return Wait(*this); }
  void open() {
    open_ = true;
    waiting_.wake_all();
  }

 private:
  bool open_ = false;
  treadle::WaitList waiting_;
};

treadle::Coro<int> job_behind(Door& door, int value) {
  co_await door.pass();
  co_return value;
}

template <class... Jobs>
auto list(Jobs... jobs) {
  std::vector<std::common_type_t<Jobs...>> jobs_in_order;
  (jobs_in_order.push_back(std::move(jobs)), ...);
  return jobs_in_order;
}

void run_turns_left(LoopFixture& here, int turns) {
  if (turns == 0) return here.loop.stop();
  here.loop.call_soon([&here, turns] { run_turns_left(here, turns - 1); });
}

// Runs a few turns, also where something is ready in each of them.
void run_turns(LoopFixture& here, int turns) {
  run_turns_left(here, turns);
  here.loop.run_forever();
}

// What run_all() throws, in words.
std::string error_of(const treadle::Task<std::vector<int>>& all) {
  try {
    all.result();
    return "no error at all";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE_METHOD(LoopFixture, "RunAll: gives the results in the order of the jobs") {
  auto all = spawn("all", run_all(list(job(*this, "slow", 3, 10), job(*this, "fast", 0, 20),
                                       job(*this, "middle", 1, 30))));
  run_to_end();
  INFO("The result of a job stands where the job stood in the list, whoever ended first.");
  CHECK(all.result() == std::vector<int>{10, 20, 30});
}

TEST_CASE_METHOD(LoopFixture, "RunAll: the jobs run side by side") {
  auto all = spawn("all", run_all(list(job(*this, "a", 2, 1), job(*this, "b", 2, 2))));
  run_to_end();
  INFO("Every job is begun before any of them is waited for, so they take turns.");
  CHECK(trace == Trace{"a1", "b1", "a2", "b2", "a ends", "b ends"});
}

TEST_CASE_METHOD(LoopFixture, "RunAll: no jobs, no results") {
  INFO("Where there is nothing to wait for, nobody will come to wake you.");
  CHECK(run([] { return run_all(std::vector<treadle::Coro<int>>{}); }).empty());
}

TEST_CASE_METHOD(LoopFixture, "RunAll: an error is thrown when all jobs have ended") {
  auto all = spawn("all", run_all(list(failing_job(*this, "a", 0), job(*this, "b", 3, 2))));
  run_until_idle();
  REQUIRE(all.done());
  UNSCOPED_INFO("A job failed, so run_all() fails with its error.");
  CHECK(error_of(all) == "a failed");

  trace.clear();
  auto later = spawn("later", [&]() -> treadle::Coro<> {
    try {
      co_await run_all(list(failing_job(*this, "a", 0), job(*this, "b", 3, 2)));
    } catch (const std::runtime_error& error) {
      note(error.what());
    }
  });
  run_to_end();
  UNSCOPED_INFO(
      "When the caller learns of the error, no job may still be running behind his back.");
  CHECK(trace == Trace{"a ends", "b1", "b2", "b3", "b ends", "a failed"});
}

TEST_CASE_METHOD(LoopFixture,
                 "RunAll: of several errors, that of the first job in the list is thrown") {
  {
    auto all = spawn("all", run_all(list(job(*this, "a", 0, 1), failing_job(*this, "b", 3),
                                         failing_job(*this, "c", 0))));
    run_to_end();
    INFO(
        "c failed first in time, but b comes first in the list: the outcome must not depend on who "
        "is quicker.");
    CHECK(error_of(all) == "b failed");
  }
  UNSCOPED_INFO(
      "run_all() has seen every error, so the exception handler must not hear of one that nobody "
      "awaited.");
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(LoopFixture, "RunAll: results are moved, not copied") {
  const auto results = run([] { return run_all(list(counted_job(7), counted_job(8))); });
  REQUIRE(results.size() == 2);
  CHECK(results[0].value() == 7);
  CHECK(results[1].value() == 8);
  INFO("A job may end with something that is dear to copy. Whose is the last handle to its task?");
  CHECK(Counted::copies() == 0);
}

TEST_CASE_METHOD(LoopFixture, "RunAll: while it waits, nothing runs") {
  Door door;
  auto all = spawn("all", run_all(list(job_behind(door, 1), job_behind(door, 2))));
  run_turns(*this, 5);
  INFO(
      "All jobs wait, so run_all() must wait too, and not look again in each turn whether they are "
      "done.");
  REQUIRE_FALSE(all.block().queued());
  CHECK_THROWS_AS(loop.run_forever(), treadle::DeadlockError);  // nobody else is ready either
  door.open();
  run_until_idle();
  REQUIRE(all.done());
  CHECK(all.result() == std::vector<int>{1, 2});
}

TEST_CASE("RunAll: destroyed half-way, it leaves nothing behind") {
  bool begun = false;
  AllocationCheck memory;
  {
    Door door;
    LoopFixture here;
    here.spawn("all", run_all(list(job(here, "a", 1, 1), job_behind(door, 2))));
    here.run_until_idle();
    begun = here.trace == Trace{"a1", "a ends"};
  }
  const bool balanced = memory.balanced();  // now, as assertions need memory too
  UNSCOPED_INFO("The jobs are tasks of the loop, and run without anybody's help.");
  CHECK(begun);
  UNSCOPED_INFO(
      "The loop has gone, and all its tasks with it; memory that is left belongs to nobody.");
  CHECK(balanced);
}
