#include "treadle_kit.hpp"

#include <vector>

static treadle::Coro<> spawnk_main(bench::Run& run) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  run.start();
  std::size_t sum = 0;
  for (std::size_t left = run.operations(); left > 0;) {
    std::size_t const batch = left < bench::kTasks ? left : bench::kTasks;
    std::vector<treadle::Task<std::size_t>> tasks;
    tasks.reserve(batch);
    for (std::size_t i = 0; i < batch; ++i) tasks.push_back(loop.create_task(stage::leaf(i)));
    for (treadle::Task<std::size_t>& task : tasks) sum += co_await task;
    left -= batch;
  }
  run.stop();
  run.keep(sum);
}

BENCH(spawnk) { stage::run(spawnk_main(run)); }
