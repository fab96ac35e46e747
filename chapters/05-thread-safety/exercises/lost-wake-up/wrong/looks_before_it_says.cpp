// rejected by: LostWakeUp: one job, in every order
// status: wrong
// says: Here a job lies in the inbox, and the loop sleeps
//
// Mends the poster only: the loop looks, and then says that it is asleep.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) {
      co_await machine.says_asleep(true);
      co_await machine.sleep();
      co_await machine.says_asleep(false);
    }
    co_await machine.drain_bell();
    co_await machine.take();
  }
}

Coro<> post(Machine& machine) {
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
