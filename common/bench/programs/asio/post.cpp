#include "asio_kit.hpp"

#include <threads.hpp>

BENCH(post) {
  asio::io_context context(1);
  auto const alive = asio::make_work_guard(context);
  bench::Arrivals arrivals(run);
  bench::Posters posters(run, [&] {
    asio::post(context, [&] {
      if (arrivals.count()) context.stop();
    });
  });
  asio::post(context, [&] { posters.begin(); });
  context.run();
}
