// rejected by: Every: a slow tick does not shift those after it
// status: wrong
// says: A period is counted from deadline to deadline
//
// Sleeps for a period after each tick: what the tick took is added to every one after it.
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
