// rejected by: LostWakeUp: one who posts three times
// status: wrong
// says: goes round and round
//
// Drains the bell only where it took something, and so not after a ring that came too late.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    co_await machine.says_asleep(true);
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) co_await machine.sleep();
    co_await machine.says_asleep(false);
    const int left = co_await machine.asks_inbox();
    if (left > 0) {
      co_await machine.drain_bell();
      co_await machine.take();
    }
  }
}

Coro<> post(Machine& machine) {
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
