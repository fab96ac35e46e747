// rejected by: LostWakeUp: one job, in every order
// status: wrong
// says: drains the bell
//
// Clears the bell before it sleeps, and with it the ring that was to wake it.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    co_await machine.says_asleep(true);
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) {
      co_await machine.drain_bell();
      co_await machine.sleep();
    }
    co_await machine.says_asleep(false);
    co_await machine.take();
  }
}

Coro<> post(Machine& machine) {
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
