#include "bare.hpp"

static bare::Coro spawn1_main(bench::Run& run) {
  run.start();
  std::size_t sum = 0;
  for (std::size_t i = 0; i < run.operations(); ++i) {
    bare::Coro task = bare::leaf(i);
    task.spawn();
    sum += co_await task;
  }
  run.stop();
  run.keep(sum);
  co_return 0;
}

BENCH(spawn1) { bare::run(spawn1_main(run)); }
