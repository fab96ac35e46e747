#include "treadle_kit.hpp"

#include <chrono>

#include "treadle/sleep.hpp"

[[gnu::noinline]] static treadle::Coro<> sleeper() {
  co_await treadle::sleep_for(std::chrono::hours(1));
}

static treadle::Coro<> bytes_main(bench::Run& run) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  std::uint64_t const before = bench::resident_bytes();
  for (std::size_t i = 0; i < run.operations(); ++i) {
    loop.create_task(sleeper());
    co_await treadle::yield_now();
  }
  run.set_total(bench::resident_bytes() - before);
  run.report_and_exit();
}

BENCH(bytes) { stage::run(bytes_main(run)); }
