#include "asio_kit.hpp"

static asio::awaitable<void> spawn1_main(bench::Run& run) {
  auto const executor = co_await asio::this_coro::executor;
  run.start();
  std::size_t sum = 0;
  for (std::size_t i = 0; i < run.operations(); ++i) {
    sum += co_await asio::co_spawn(executor, peer::leaf(i), asio::use_awaitable);
  }
  run.stop();
  run.keep(sum);
}

BENCH(spawn1) { peer::run(spawn1_main(run)); }
