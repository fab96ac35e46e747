// rejected by: LostWakeUp: one job, in every order
// status: wrong
// says: asks, and the loop is awake
//
// Mends the loop only: the poster asks, and then puts.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    co_await machine.says_asleep(true);
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) co_await machine.sleep();
    co_await machine.says_asleep(false);
    co_await machine.drain_bell();
    co_await machine.take();
  }
}

Coro<> post(Machine& machine) {
  const int asleep = co_await machine.asks_asleep();
  co_await machine.put();
  if (asleep) co_await machine.ring();
}
