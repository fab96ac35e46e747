#include "bare.hpp"

[[gnu::noinline]] static bare::Coro nested(int depth) {
  if (depth <= 1) co_return 1;
  co_return 1 + co_await nested(depth - 1);
}

static bare::Coro awaitdeep_main(bench::Run& run) {
  run.start();
  std::size_t levels = 0;
  while (levels < run.operations()) levels += co_await nested(bench::kDepth);
  run.stop();
  co_return 0;
}

BENCH(awaitdeep) { bare::run(awaitdeep_main(run)); }
