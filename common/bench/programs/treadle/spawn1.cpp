#include "treadle_kit.hpp"

static treadle::Coro<> spawn1_main(bench::Run& run) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  run.start();
  std::size_t sum = 0;
  for (std::size_t i = 0; i < run.operations(); ++i)
    sum += co_await loop.create_task(stage::leaf(i));
  run.stop();
  run.keep(sum);
}

BENCH(spawn1) { stage::run(spawn1_main(run)); }
