#include "bare.hpp"

static bare::Coro await1_main(bench::Run& run) {
  run.start();
  std::size_t sum = 0;
  for (std::size_t i = 0; i < run.operations(); ++i) sum += co_await bare::leaf(i);
  run.stop();
  run.keep(sum);
  co_return 0;
}

BENCH(await1) { bare::run(await1_main(run)); }
