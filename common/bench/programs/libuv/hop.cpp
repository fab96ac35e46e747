#include <threads.hpp>

#include <uv.h>

#include <latch>
#include <thread>

namespace {

// A loop with one uv_async_t, whose callback is `wake`.
class Side {
 public:
  Side(uv_async_cb wake, void* data) {
    uv_loop_init(&loop_);
    uv_async_init(&loop_, &wakeup_, wake);
    wakeup_.data = data;
  }
  ~Side() {
    uv_close(reinterpret_cast<uv_handle_t*>(&wakeup_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
  }

  void send() { uv_async_send(&wakeup_); }
  void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
  void stop() { uv_stop(&loop_); }

 private:
  uv_loop_t loop_;
  uv_async_t wakeup_;
};

class PingPong {
 public:
  explicit PingPong(bench::Run& run) : hops_(run) {}

  void run() {
    std::thread other([this] {
      bench::pin_thread(hops_.other_place());
      running_.count_down();
      there_.run();
    });
    running_.wait();
    here_.send();
    here_.run();
    other.join();
  }

 private:
  void ping() {
    if (!hops_.next()) {
      over_ = true;
      here_.stop();
    }
    there_.send();
  }
  void pong() {
    if (over_) return there_.stop();
    here_.send();
  }

  bench::Hops hops_;
  std::latch running_{1};
  bool over_ = false;  // written before the send that lets the other thread read it
  Side here_{[](uv_async_t* a) { static_cast<PingPong*>(a->data)->ping(); }, this};
  Side there_{[](uv_async_t* a) { static_cast<PingPong*>(a->data)->pong(); }, this};
};

}  // namespace

BENCH(hop) { PingPong(run).run(); }
