// rejected by: Every: destroyed, it ticks no more
// status: sanitizer
// says: AddressSanitizer
//
// No destructor: to drop a handle cancels nothing, and the timer calls an object that is gone.
#include <functional>
#include <optional>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::Clock;
using treadle::EventLoop;
using treadle::TimerHandle;

class Every {
 public:
  Every(EventLoop& loop, Clock::duration period, std::function<void()> tick)
      : loop_(loop), period_(period), tick_(std::move(tick)), due_(loop.time()) {
    arm();
  }
  Every(const Every&) = delete;
  Every& operator=(const Every&) = delete;

  void stop() {
    stopped_ = true;
    timer_->cancel();
  }

 private:
  void arm() {
    due_ += ((loop_.time() - due_) / period_ + 1) * period_;
    timer_ = loop_.call_at(due_, [this] { fire(); });
  }

  void fire() {
    arm();
    tick_();
  }

  EventLoop& loop_;
  const Clock::duration period_;
  const std::function<void()> tick_;
  Clock::time_point due_;
  bool stopped_ = false;
  std::optional<TimerHandle> timer_;
};
