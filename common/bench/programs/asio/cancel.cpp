// Asio cancels a coroutine through a signal of its own. What is thrown is a system_error, operation_aborted.
#include "asio_kit.hpp"

#include <chrono>
#include <vector>

static asio::awaitable<void> sleeper_to_cancel() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

static asio::awaitable<void> cancel_main(bench::Run& run) {
  auto const executor = co_await asio::this_coro::executor;
  run.start();
  for (std::size_t left = run.operations(); left > 0;) {
    std::size_t const batch = left < bench::kTasks ? left : bench::kTasks;
    std::vector<asio::cancellation_signal> signals(batch);
    std::size_t ended = 0;
    for (asio::cancellation_signal& signal : signals) {
      asio::co_spawn(executor, sleeper_to_cancel(),
                     asio::bind_cancellation_slot(
                         signal.slot(), [&](std::exception_ptr error) { ended += error ? 1 : 0; }));
    }
    co_await asio::post(executor, asio::use_awaitable);
    for (asio::cancellation_signal& signal : signals)
      signal.emit(asio::cancellation_type::terminal);
    while (ended < batch) co_await asio::post(executor, asio::use_awaitable);
    run.keep(ended);
    left -= batch;
  }
  run.stop();
}

BENCH(cancel) { peer::run(cancel_main(run)); }
