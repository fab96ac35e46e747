#include "bare.hpp"

[[gnu::noinline]] static bare::Coro yielder(std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) co_await bare::Yield{};
  co_return rounds;
}

BENCH(switch) {
  std::vector<bare::Coro> tasks;
  for (std::size_t i = 0; i < bench::kTasks; ++i)
    tasks.push_back(yielder(run.operations() / bench::kTasks));
  run.start();
  for (bare::Coro& task : tasks) task.spawn();
  bare::run_ready();
  run.stop();
}
