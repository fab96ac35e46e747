// rejected by: Every: after a tick that failed, the next one comes
// status: wrong
// says: no reason to miss the next
//
// A tick that throws never comes to the line that arms the next one.
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
  ~Every() { stop(); }

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
    tick_();
    if (!stopped_) arm();
  }

  EventLoop& loop_;
  const Clock::duration period_;
  const std::function<void()> tick_;
  Clock::time_point due_;
  bool stopped_ = false;
  std::optional<TimerHandle> timer_;
};
