#include "treadle_kit.hpp"

[[gnu::noinline]] static treadle::Coro<> yielder(std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) co_await treadle::yield_now();
}

BENCH(switch) {
  treadle::EventLoop loop;
  for (std::size_t i = 0; i < bench::kTasks; ++i)
    loop.create_task(yielder(run.operations() / bench::kTasks));
  run.start();
  loop.run_until_idle();
  run.stop();
}
