#include "bare.hpp"

static bare::Coro spawnk_main(bench::Run& run) {
  run.start();
  std::size_t sum = 0;
  for (std::size_t left = run.operations(); left > 0;) {
    std::size_t const batch = left < bench::kTasks ? left : bench::kTasks;
    std::vector<bare::Coro> tasks;
    tasks.reserve(batch);
    for (std::size_t i = 0; i < batch; ++i) {
      tasks.push_back(bare::leaf(i));
      tasks.back().spawn();
    }
    for (bare::Coro& task : tasks) sum += co_await task;
    left -= batch;
  }
  run.stop();
  run.keep(sum);
  co_return 0;
}

BENCH(spawnk) { bare::run(spawnk_main(run)); }
