// rejected by: LostWakeUp: nobody rings for a loop that is awake
// status: wrong
// says: poster B rings all the same
//
// Never says that it is awake again.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    co_await machine.says_asleep(true);
    const int jobs = co_await machine.asks_inbox();
    if (jobs == 0) co_await machine.sleep();
    co_await machine.drain_bell();
    co_await machine.take();
  }
}

Coro<> post(Machine& machine) {
  co_await machine.put();
  const int asleep = co_await machine.asks_asleep();
  if (asleep) co_await machine.ring();
}
