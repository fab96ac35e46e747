// trample: two tasks book seats of one theatre, each step by step and both correctly, and more seats
// are sold than there are. Nobody was slow, nobody hung, and all is counted; only the sum is wrong.
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "treadle/event_loop.hpp"
#include "treadle/metrics.hpp"
#include "treadle/sleep.hpp"

using namespace treadle;
using namespace std::chrono_literals;

namespace {

struct Theatre {
  int free = 5;
  int sold = 0;
};

Coro<> ask_the_bank() { co_await Sleep(1ms); }

Coro<> sell(Theatre& theatre, std::string window) {
  while (theatre.free > 0) {
    const int seat = theatre.free;
    co_await ask_the_bank();  // and meanwhile the other window sells
    theatre.free = seat - 1;
    ++theatre.sold;
    fmt::print("{} sells seat {}\n", window, seat);
  }
}

}  // namespace

int main() {
  EventLoop loop;
  Theatre theatre;
  loop.create_task(sell(theatre, "left "), "left");
  loop.create_task(sell(theatre, "right"), "right");
  loop.run_forever();
  fmt::print("{} sold, and there were 5\n", theatre.sold);
  const LoopMetrics metrics = loop.metrics();
  fmt::print("{} tasks finished, {} failed\n", metrics.tasks_finished, metrics.tasks_failed);
}
