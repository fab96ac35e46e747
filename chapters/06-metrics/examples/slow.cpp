// slow: a thousand tasks, each of which should take a moment, and one that holds the loop.
//
//   slow                     as in the stage before: it is slow, and nothing says who
//   slow --warn-after 100ms   the same with the loop's eyes open
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "support/command_line.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using namespace treadle;
using namespace std::chrono_literals;

namespace {

void compute(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) continue;
}

Coro<> look_up(int order) {
  co_await Sleep(1ms);
  if (order == 637) compute(200ms);  // one customer has very many orders
  co_await Sleep(1ms);
}

Coro<> handle(int order) {
  co_await yield_now();
  co_await look_up(order);
}

// What somebody outside notices: a tick that should come each 5 ms, and how late it was at worst.
Coro<> tick(Clock::duration& worst) {
  EventLoop& loop = co_await get_running_loop();
  for (int ticks = 0; ticks < 40; ++ticks) {
    const Clock::time_point due = loop.time() + 5ms;
    co_await sleep_until(due);
    worst = std::max(worst, loop.time() - due);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::chrono::nanoseconds warn_after(0);
  examples::CommandLine line("A thousand tasks, one of which is slow.");
  line.option("--warn-after", warn_after, "report steps that hold the loop so long; 0: none");
  line.parse(argc, argv);

  EventLoop loop({.slow_step = warn_after});
  for (int order = 0; order < 1000; ++order)
    loop.create_task(handle(order), fmt::format("order-{}", order));
  Clock::duration worst{};
  loop.run_until_complete(tick(worst));
  fmt::print("a tick came {} late\n", worst >= 100ms ? "more than 100 ms" : "less than 100 ms");
}
