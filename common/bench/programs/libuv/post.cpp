// What libuv's users write, since uv_async_send carries no data and merges calls: callbacks in a vector behind a mutex,
// which the loop's thread takes as a whole.
#include <threads.hpp>

#include <uv.h>

#include <functional>
#include <mutex>
#include <vector>

namespace {

class Inbox {
 public:
  explicit Inbox(uv_loop_t* loop) {
    wakeup_.data = this;
    uv_async_init(loop, &wakeup_,
                  [](uv_async_t* wakeup) { static_cast<Inbox*>(wakeup->data)->run_batch(); });
  }

  void post(std::function<void()> callback) {
    {
      std::lock_guard const lock(mutex_);
      callbacks_.push_back(std::move(callback));
    }
    uv_async_send(&wakeup_);
  }

  void close() { uv_close(reinterpret_cast<uv_handle_t*>(&wakeup_), nullptr); }

 private:
  void run_batch() {
    {
      std::lock_guard const lock(mutex_);
      batch_.swap(callbacks_);
    }
    for (std::function<void()>& callback : batch_) callback();
    batch_.clear();
  }

  uv_async_t wakeup_{};
  std::mutex mutex_;
  std::vector<std::function<void()>> callbacks_;
  std::vector<std::function<void()>> batch_;
};

}  // namespace

BENCH(post) {
  uv_loop_t* loop = uv_default_loop();
  bench::Arrivals arrivals(run);
  Inbox inbox(loop);
  bench::Posters posters(run, [&] {
    inbox.post([&] {
      if (arrivals.count()) inbox.close();
    });
  });
  inbox.post([&] { posters.begin(); });
  uv_run(loop, UV_RUN_DEFAULT);
}
