#include "asio_kit.hpp"

#include <chrono>

static asio::awaitable<void> sleeper() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

BENCH(bytes) {
  std::uint64_t const before = bench::resident_bytes();
  asio::io_context context(1);
  for (std::size_t i = 0; i < run.operations(); ++i) {
    asio::co_spawn(context, sleeper(), peer::rethrow);
    context.poll();
  }
  run.set_total(bench::resident_bytes() - before);
  run.report_and_exit();
}
