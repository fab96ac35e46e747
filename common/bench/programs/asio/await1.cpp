#include "asio_kit.hpp"

static asio::awaitable<void> await1_main(bench::Run& run) {
  run.start();
  std::size_t sum = 0;
  for (std::size_t i = 0; i < run.operations(); ++i) sum += co_await peer::leaf(i);
  run.stop();
  run.keep(sum);
}

BENCH(await1) { peer::run(await1_main(run)); }
