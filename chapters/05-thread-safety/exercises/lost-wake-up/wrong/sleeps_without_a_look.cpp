// rejected by: LostWakeUp: one job, in every order
// status: wrong
// says: puts a job into the inbox
//
// Says that it is asleep, and sleeps.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    co_await machine.says_asleep(true);
    co_await machine.sleep();
    co_await machine.says_asleep(false);
    co_await machine.drain_bell();
    co_await machine.take();
  }
}

Coro<> post(Machine& machine) {
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
