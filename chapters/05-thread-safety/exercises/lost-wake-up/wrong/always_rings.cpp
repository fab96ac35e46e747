// rejected by: LostWakeUp: nobody rings for a loop that is awake
// status: wrong
// says: To ring costs a system call
//
// Rings in any case.
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
  co_await machine.put();
  co_await machine.ring();
}
