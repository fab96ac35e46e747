// cancel_cost: what it costs to end a task by a cancel, beside what it costs to let it end.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <vector>

#include "testing/virtual_clock.hpp"
#include "treadle/sleep.hpp"

using namespace treadle;
using namespace std::chrono_literals;

namespace {

constexpr int kTasks = 10'000;

Coro<> sleeper(int depth) {
  if (depth > 1) {
    co_await sleeper(depth - 1);
  } else {
    co_await sleep_for(1h);
  }
}

double now() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double measure(int depth, bool cancel) {
  testing::VirtualClock clock;
  EventLoop loop(clock);
  std::vector<Task<>> tasks;
  for (int i = 0; i < kTasks; ++i) tasks.push_back(loop.create_task(sleeper(depth)));
  loop.run_until_idle();
  const double begin = now();
  if (cancel) {
    for (const Task<>& task : tasks) task.cancel();
    loop.run_until_idle();
  } else {
    loop.run_forever();
  }
  return (now() - begin) / kTasks;
}

double best(int depth, bool cancel) {
  double least = 1e18;
  for (int i = 0; i < 5; ++i) least = std::min(least, measure(depth, cancel));
  return least;
}

}  // namespace

int main() {
  for (const int depth : {1, 3, 10})
    std::printf("%2d deep: ends by itself %5.0f ns, is cancelled %5.0f ns\n", depth,
                best(depth, false), best(depth, true));
}
