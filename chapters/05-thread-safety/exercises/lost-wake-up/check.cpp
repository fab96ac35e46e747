// Tries the loop and those who post in all orders.
#include "machine.hpp"

#include ANSWER

namespace {

Run::Thread loop_thread() {
  return [](Machine& machine) { return run_loop(machine); };
}
Run::Thread poster() {
  return [](Machine& machine) { return post(machine); };
}

void check(const Findings& findings) {
  {
    INFO("Here the loop goes round and round, and has nothing to do:" << findings.spins);
    REQUIRE(findings.spins.empty());
  }
  INFO("Here a job lies in the inbox, and the loop sleeps. Nobody will ever wake it:"
       << findings.lost);
  CHECK(findings.lost.empty());
}

}  // namespace

TEST_CASE("LostWakeUp: with nothing to do, the loop sleeps") {
  Run run(loop_thread(), poster(), 0, 0);
  run.run_to_end(Run::kLoop);
  INFO("Nobody posts, and this is what the loop does:" << run.story().substr(0, 400));
  CHECK(run.loop_sleeps());
}

TEST_CASE("LostWakeUp: one job, in every order") {
  check(try_all(loop_thread(), poster(), 1, 1, 100));
}

TEST_CASE("LostWakeUp: one who posts three times") {
  check(try_all(loop_thread(), poster(), 1, 3, 4));
}

TEST_CASE("LostWakeUp: two who post, each of them twice") {
  check(try_all(loop_thread(), poster(), 2, 2, 3));
}

TEST_CASE("LostWakeUp: nobody rings for a loop that is awake") {
  {
    Run run(loop_thread(), poster(), 1, 2);
    run.run_to_end(1);
    INFO(
        "The loop has not slept yet: it will look into the inbox before it does. To ring costs a "
        "system call, for nothing."
        << run.story());
    CHECK(run.rings() == 0);
  }
  {
    Run run(loop_thread(), poster(), 2, 1);
    run.run_to_end(Run::kLoop);
    run.run_to_end(1);
    const int rings = run.rings();
    run.run_loop_until_it_has_taken();
    run.run_to_end(2);
    INFO(
        "The loop slept and was woken. It has done its work and is about to look whether there is "
        "more; poster B rings all the same."
        << run.story());
    CHECK(run.rings() == rings);
  }
}
