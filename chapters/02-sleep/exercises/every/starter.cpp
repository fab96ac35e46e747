#include <functional>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::Clock;
using treadle::EventLoop;

// Calls `tick` once every period, until it is stopped or destroyed.
class Every {
 public:
  Every(EventLoop& loop, Clock::duration period, std::function<void()> tick)
      : loop_(loop), period_(period), tick_(std::move(tick)) {
    // TODO: the first tick is due one period from now
  }
  Every(const Every&) = delete;
  Every& operator=(const Every&) = delete;
  ~Every() { stop(); }

  void stop() {
    // TODO: take the next tick back
  }

 private:
  EventLoop& loop_;
  const Clock::duration period_;
  const std::function<void()> tick_;
};
