// Asio has no handle to join, so the tasks count themselves down and the last one ends the wait.
#include "asio_kit.hpp"

static asio::awaitable<std::size_t> spawn_and_join(std::size_t batch) {
  auto const executor = co_await asio::this_coro::executor;
  asio::steady_timer all_done(executor, asio::steady_timer::time_point::max());
  std::size_t left = batch;
  std::size_t sum = 0;
  for (std::size_t i = 0; i < batch; ++i) {
    asio::co_spawn(executor, peer::leaf(i), [&](std::exception_ptr error, std::size_t value) {
      peer::rethrow(error);
      sum += value;
      if (--left == 0) all_done.cancel();
    });
  }
  asio::error_code cancelled;
  co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  co_return sum;
}

static asio::awaitable<void> spawnk_main(bench::Run& run) {
  run.start();
  for (std::size_t left = run.operations(); left > 0;) {
    std::size_t const batch = left < bench::kTasks ? left : bench::kTasks;
    run.keep(co_await spawn_and_join(batch));
    left -= batch;
  }
  run.stop();
}

BENCH(spawnk) { peer::run(spawnk_main(run)); }
