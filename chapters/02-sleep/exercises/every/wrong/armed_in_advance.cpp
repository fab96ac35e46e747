// rejected by: Every: ticks at each multiple of the period
// status: wrong
// says: each of the others one period after that
//
// Arms five ticks, as many as it took to convince its author.
#include <functional>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Clock;
using treadle::EventLoop;
using treadle::TimerHandle;

class Every {
 public:
  Every(EventLoop& loop, Clock::duration period, std::function<void()> tick)
      : tick_(std::move(tick)) {
    for (int i = 1; i <= 5; ++i) {
      timers_.push_back(loop.call_later(i * period, [this] { tick_(); }));
    }
  }
  ~Every() { stop(); }

  void stop() {
    for (TimerHandle& timer : timers_) timer.cancel();
  }

 private:
  std::function<void()> tick_;
  std::vector<TimerHandle> timers_;
};
