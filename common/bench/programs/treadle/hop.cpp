#include "other_loop.hpp"

namespace {

class PingPong {
 public:
  explicit PingPong(bench::Run& run) : hops_(run), there_(hops_.other_place()) {}

  void run() {
    here_.call_later(std::chrono::hours(1), [] {});  // as in OtherLoop
    here_.call_soon([this] { ping(); });
    here_.run_forever();
  }

 private:
  void ping() {
    if (!hops_.next()) return here_.stop();
    there_.loop().call_soon_threadsafe([this] { pong(); });
  }
  void pong() {
    here_.call_soon_threadsafe([this] { ping(); });
  }

  bench::Hops hops_;
  treadle::EventLoop here_;
  stage::OtherLoop there_;
};

}  // namespace

BENCH(hop) { PingPong(run).run(); }
