// watch_cost: what a switch between tasks costs with metrics off, with times kept, and with an
// observer that does nothing.
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "treadle/event_loop.hpp"

using namespace treadle;

namespace {

constexpr int kTasks = 1000;
constexpr int kYields = 1000;
constexpr int kPasses = 7;

Coro<> yielder() {
  for (int i = 0; i < kYields; ++i) co_await yield_now();
}

double now() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

double measure(const LoopOptions& options, LoopObserver* observer) {
  EventLoop loop(options);
  if (observer != nullptr) loop.add_observer(*observer);
  for (int i = 0; i < kTasks; ++i) loop.create_task(yielder());
  const double begin = now();
  loop.run_until_idle();
  const double took = (now() - begin) / (double(kTasks) * kYields);
  if (observer != nullptr) loop.remove_observer(*observer);
  return took;
}

struct Cost {
  double off = 1e9, timing = 1e9, slow = 1e9, observed = 1e9;
};

}  // namespace

int main() {
  class Nobody : public LoopObserver {
  } nobody;
  Cost best;
  for (int i = 0; i < kPasses; ++i) {  // interleaved, so that a busy machine is busy for all
    best.off = std::min(best.off, measure({}, nullptr));
    best.timing = std::min(best.timing, measure({.timing = true}, nullptr));
    best.slow =
        std::min(best.slow, measure({.slow_step = std::chrono::milliseconds(100)}, nullptr));
    best.observed = std::min(best.observed, measure({}, &nobody));
  }
  std::printf("off %.1f ns, times kept %.1f ns, slow steps watched %.1f ns, an observer %.1f ns\n",
              best.off, best.timing, best.slow, best.observed);
}
