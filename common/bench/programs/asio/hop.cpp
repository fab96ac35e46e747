#include "other_context.hpp"

namespace {

class PingPong {
 public:
  explicit PingPong(bench::Run& run) : hops_(run), there_(hops_.other_place()) {}

  void run() {
    auto const alive = asio::make_work_guard(here_);
    asio::post(here_, [this] { ping(); });
    here_.run();
  }

 private:
  void ping() {
    if (!hops_.next()) return here_.stop();
    asio::post(there_.context(), [this] { pong(); });
  }
  void pong() {
    asio::post(here_, [this] { ping(); });
  }

  bench::Hops hops_;
  asio::io_context here_{1};
  peer::OtherContext there_;
};

}  // namespace

BENCH(hop) { PingPong(run).run(); }
