#include "asio_kit.hpp"

static asio::awaitable<void> yielder(std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) co_await asio::post(asio::use_awaitable);
}

BENCH(switch) {
  asio::io_context context(1);
  for (std::size_t i = 0; i < bench::kTasks; ++i) {
    asio::co_spawn(context, yielder(run.operations() / bench::kTasks), peer::rethrow);
  }
  run.start();
  context.run();
  run.stop();
}
