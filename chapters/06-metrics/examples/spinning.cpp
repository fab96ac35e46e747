// spinning: waits 300 ms in the only way a loop without a clock can: by asking, again and again,
// whether the time has come.
#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "treadle/event_loop.hpp"

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Gives the number of turns that went by.
treadle::Coro<long> wait_until(steady_clock::time_point deadline) {
  long turns = 0;
  while (steady_clock::now() < deadline) {
    ++turns;
    co_await treadle::yield_now();
  }
  co_return turns;
}

int main() {
  treadle::EventLoop loop;
  const std::clock_t begin = std::clock();
  const long turns = loop.run_until_complete(wait_until(steady_clock::now() + 300ms));
  const double spent = 1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  fmt::print("waited 300 ms: {} turns of the loop, {:.0f} ms of processor time\n", turns, spent);
}
