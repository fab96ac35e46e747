// How a loop sleeps, and how it is woken.
#include "machine.hpp"

using treadle::Coro;

// The loop: does what comes, and sleeps where nothing is there.
Coro<> run_loop(Machine& machine) {
  for (;;) {
    // First says so, and then looks. Whoever puts a job in behind our look finds us asleep.
    co_await machine.says_asleep(true);
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) co_await machine.sleep();
    co_await machine.says_asleep(false);
    // First drained, and then taken. A ring that comes in between stays, and we look once more.
    co_await machine.drain_bell();
    co_await machine.take();
  }
}

// Another thread that posts one job.
Coro<> post(Machine& machine) {
  // First puts, and then asks. Where the loop is awake, it has yet to look.
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
