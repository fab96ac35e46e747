// rejected by: LostWakeUp: with nothing to do, the loop sleeps
// status: wrong
// says: looks into the inbox, which is empty
//
// Looks again and again: nothing is lost but the processor.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    const int jobs = co_await machine.asks_inbox();
    if (jobs > 0) co_await machine.take();
  }
}

Coro<> post(Machine& machine) {
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
