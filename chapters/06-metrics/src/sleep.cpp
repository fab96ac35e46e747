#include "treadle/sleep.hpp"

#include <fmt/chrono.h>

#include <algorithm>

namespace treadle {

void Sleep::start(PromiseBase& caller) {
  EventLoop& loop = EventLoop::of(caller.task());
  if (relative_) deadline_ = Clock::later(loop.time(), std::max(delay_, Clock::duration::zero()));
  loop.arm(*this, deadline_);  // before suspend(): this one may throw
  suspend(caller);
}

std::string Sleep::waits_for() const {
  if (!relative_) return "a moment to come";
  return fmt::format("sleep of {}", std::chrono::duration<double>(delay_));
}

}  // namespace treadle
