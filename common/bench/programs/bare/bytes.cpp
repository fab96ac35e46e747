// A suspended frame and one slot for its handle: nothing wakes these, so this is what "sleeping" must cost at least.
#include "bare.hpp"

namespace {

std::vector<std::coroutine_handle<>> sleepers;

struct Sleep {
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { sleepers.push_back(handle); }
  void await_resume() noexcept {}
};

[[gnu::noinline]] bare::Coro sleeper() {
  co_await Sleep{};
  co_return 0;
}

}  // namespace

BENCH(bytes) {
  std::size_t const n = run.operations();
  std::uint64_t const before = bench::resident_bytes();
  auto* tasks = new std::vector<bare::Coro>();
  for (std::size_t i = 0; i < n; ++i) {
    tasks->push_back(sleeper());
    tasks->back().spawn();
    bare::run_ready();
  }
  run.set_total(bench::resident_bytes() - before);
  run.report_and_exit();
}
