// Timer objects are reused, as Asio's users do; only arming, cancelling and the aborted handler's run are counted.
#include "asio_kit.hpp"

#include <chrono>
#include <vector>

static void arm(asio::steady_timer& timer, bench::Deadlines& deadlines) {
  timer.expires_after(std::chrono::milliseconds(deadlines.next_milliseconds()));
  timer.async_wait([](asio::error_code) {});
}

static asio::awaitable<void> timer_main(bench::Run& run, asio::io_context& context) {
  bench::Deadlines deadlines;
  std::vector<asio::steady_timer> live;
  std::vector<asio::steady_timer> timers;
  for (std::size_t i = 0; i < bench::kLiveTimers; ++i) arm(live.emplace_back(context), deadlines);
  for (std::size_t i = 0; i < bench::kTimersPerTurn; ++i) timers.emplace_back(context);
  co_await asio::post(asio::use_awaitable);
  run.start();
  for (std::size_t i = 0; i < run.operations(); i += bench::kTimersPerTurn) {
    for (asio::steady_timer& timer : timers) {
      arm(timer, deadlines);
      timer.cancel();
    }
    co_await asio::post(asio::use_awaitable);
  }
  run.stop();
}

BENCH(timer) {
  asio::io_context context(1);
  peer::run(timer_main(run, context), context);
}
