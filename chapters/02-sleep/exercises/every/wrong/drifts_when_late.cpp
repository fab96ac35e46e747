// rejected by: Every: missed ticks are left out, and the rhythm stays
// status: wrong
// says: at a multiple of the period again
//
// Arms before the tick, so a slow tick does no harm; but a late one moves all those after it.
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
    timer_ = loop_.call_later(period_, [this] { fire(); });
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
