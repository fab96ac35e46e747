#include "treadle_kit.hpp"

#include <threads.hpp>

#include <chrono>

BENCH(post) {
  treadle::EventLoop loop;
  bench::Arrivals arrivals(run);
  bench::Posters posters(run, [&] {
    loop.call_soon_threadsafe([&] {
      if (arrivals.count()) loop.stop();
    });
  });
  loop.call_later(std::chrono::hours(1), [] {});  // a reason to go on where nothing is posted yet
  loop.call_soon([&] { posters.begin(); });
  loop.run_forever();
}
