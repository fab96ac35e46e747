#include "treadle_kit.hpp"

#include <chrono>
#include <vector>

static treadle::TimerHandle arm(treadle::EventLoop& loop, bench::Deadlines& deadlines) {
  return loop.call_later(std::chrono::milliseconds(deadlines.next_milliseconds()), [] {});
}

static treadle::Coro<> timer_main(bench::Run& run) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  bench::Deadlines deadlines;
  std::vector<treadle::TimerHandle> live;
  for (std::size_t i = 0; i < bench::kLiveTimers; ++i) live.push_back(arm(loop, deadlines));
  run.start();
  for (std::size_t i = 0; i < run.operations(); i += bench::kTimersPerTurn) {
    for (std::size_t k = 0; k < bench::kTimersPerTurn; ++k) arm(loop, deadlines).cancel();
    co_await treadle::yield_now();
  }
  run.stop();
  for (treadle::TimerHandle& timer : live) timer.cancel();
}

BENCH(timer) { stage::run(timer_main(run)); }
