#include "treadle_kit.hpp"

[[gnu::noinline]] static treadle::Coro<std::size_t> nested(int depth) {
  if (depth <= 1) co_return 1;
  co_return 1 + co_await nested(depth - 1);
}

static treadle::Coro<> awaitdeep_main(bench::Run& run) {
  run.start();
  std::size_t levels = 0;
  while (levels < run.operations()) levels += co_await nested(bench::kDepth);
  run.stop();
}

BENCH(awaitdeep) { stage::run(awaitdeep_main(run)); }
