#include <functional>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::Clock;
using treadle::EventLoop;
using treadle::TimerHandle;

// Calls `tick` once every period, until it is stopped or destroyed.
//
// Invariant: until then one timer is armed, and its deadline is a whole number of periods after the
// beginning.
class Every {
 public:
  Every(EventLoop& loop, Clock::duration period, std::function<void()> tick)
      : loop_(loop), period_(period), tick_(std::move(tick)), due_(loop.time()), timer_(arm()) {}
  Every(const Every&) = delete;
  Every& operator=(const Every&) = delete;
  ~Every() { stop(); }

  void stop() { timer_.cancel(); }

 private:
  TimerHandle arm() {
    // From deadline to deadline, so nothing drifts; and over those that have passed, so none comes
    // in a burst.
    due_ += ((loop_.time() - due_) / period_ + 1) * period_;
    return loop_.call_at(due_, [this] { fire(); });
  }

  void fire() {
    timer_ = arm();  // before the tick, which may throw, or stop it
    tick_();
  }

  EventLoop& loop_;
  const Clock::duration period_;
  const std::function<void()> tick_;
  Clock::time_point due_;
  TimerHandle timer_;
};
