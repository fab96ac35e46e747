// rejected by: Every: a tick may stop it
// status: wrong
// says: no third one comes
//
// Arms the next timer after the tick, also where the tick has stopped it.
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

  void stop() { timer_->cancel(); }

 private:
  void arm() {
    due_ += ((loop_.time() - due_) / period_ + 1) * period_;
    timer_ = loop_.call_at(due_, [this] { fire(); });
  }

  void fire() {
    tick_();
    arm();
  }

  EventLoop& loop_;
  const Clock::duration period_;
  const std::function<void()> tick_;
  Clock::time_point due_;
  std::optional<TimerHandle> timer_;
};
