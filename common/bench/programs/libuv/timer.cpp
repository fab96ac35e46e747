// libuv's timers live inside the caller's own structs: nothing is allocated, and stopping one is taking it from a heap.
#include <bench.hpp>

#include <uv.h>

#include <array>
#include <vector>

BENCH(timer) {
  uv_loop_t* loop = uv_default_loop();
  bench::Deadlines deadlines;
  auto* live = new std::vector<uv_timer_t>(bench::kLiveTimers);
  auto* timers = new std::array<uv_timer_t, bench::kTimersPerTurn>();
  auto const ignore = [](uv_timer_t*) {};
  for (uv_timer_t& timer : *live) {
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, ignore, deadlines.next_milliseconds(), 0);
  }
  for (uv_timer_t& timer : *timers) uv_timer_init(loop, &timer);
  run.start();
  for (std::size_t i = 0; i < run.operations(); i += bench::kTimersPerTurn) {
    for (uv_timer_t& timer : *timers) {
      uv_timer_start(&timer, ignore, deadlines.next_milliseconds(), 0);
      uv_timer_stop(&timer);
    }
    uv_run(loop, UV_RUN_NOWAIT);
  }
  run.stop();
  // The loop still knows these timers: stop them, and let the process's end free them.
  for (uv_timer_t& timer : *live) uv_timer_stop(&timer);
}
