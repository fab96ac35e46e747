// How a loop sleeps, and how it is woken. Something is wrong with the order.
#include "machine.hpp"

using treadle::Coro;

// The loop: does what comes, and sleeps where nothing is there.
Coro<> run_loop(Machine& machine) {
  for (;;) {
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) {
      co_await machine.says_asleep(true);
      co_await machine.sleep();
      co_await machine.says_asleep(false);
    }
    co_await machine.take();
    co_await machine.drain_bell();
  }
}

// Another thread that posts one job.
Coro<> post(Machine& machine) {
  const int asleep = co_await machine.asks_asleep();
  co_await machine.put();
  if (asleep) co_await machine.ring();
}
