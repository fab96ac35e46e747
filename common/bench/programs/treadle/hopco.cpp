#include "other_loop.hpp"

#include "treadle/run_coroutine_threadsafe.hpp"

static treadle::Coro<> hopco_main(bench::Run& run, bench::Hops& hops, treadle::EventLoop& other) {
  std::size_t sum = 0;
  while (hops.next()) sum = co_await treadle::run_coroutine_threadsafe(other, stage::leaf(sum));
  run.keep(sum);
}

BENCH(hopco) {
  bench::Hops hops(run);
  stage::OtherLoop other(hops.other_place());
  stage::run(hopco_main(run, hops, other.loop()));
}
