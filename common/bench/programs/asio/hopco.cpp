#include "other_context.hpp"

static asio::awaitable<void> hopco_main(bench::Run& run, bench::Hops& hops,
                                        asio::io_context& other) {
  std::size_t sum = 0;
  while (hops.next()) sum = co_await asio::co_spawn(other, peer::leaf(sum), asio::use_awaitable);
  run.keep(sum);
}

BENCH(hopco) {
  bench::Hops hops(run);
  peer::OtherContext other(hops.other_place());
  peer::run(hopco_main(run, hops, other.context()));
}
