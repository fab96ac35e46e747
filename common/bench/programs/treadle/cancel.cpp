// A task that sleeps is cancelled and awaited: the request, the throw, one coroutine that it leaves, the end.
#include "treadle_kit.hpp"

#include <chrono>
#include <vector>

#include "treadle/sleep.hpp"

static treadle::Coro<> sleeper_to_cancel() { co_await treadle::Sleep(std::chrono::hours(1)); }

static treadle::Coro<> cancel_main(bench::Run& run) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  run.start();
  for (std::size_t left = run.operations(); left > 0;) {
    std::size_t const batch = left < bench::kTasks ? left : bench::kTasks;
    std::vector<treadle::Task<>> tasks;
    tasks.reserve(batch);
    for (std::size_t i = 0; i < batch; ++i) tasks.push_back(loop.create_task(sleeper_to_cancel()));
    co_await treadle::yield_now();
    for (treadle::Task<>& task : tasks) task.cancel();
    co_await treadle::yield_now();
    for (treadle::Task<>& task : tasks) run.keep(task.cancelled() ? 1 : 0);
    left -= batch;
  }
  run.stop();
}

BENCH(cancel) { stage::run(cancel_main(run)); }
