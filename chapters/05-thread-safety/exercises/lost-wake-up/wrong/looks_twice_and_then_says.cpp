// rejected by: LostWakeUp: one job, in every order
// status: wrong
// says: says that it is asleep
//
// Thinks that to look twice before it says so makes the gap small enough.
#include "machine.hpp"

using treadle::Coro;

Coro<> run_loop(Machine& machine) {
  for (;;) {
    const int jobs = co_await machine.asks_inbox();
    const int again = co_await machine.asks_inbox();
    if (jobs + again == 0) {
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
