// virtual_clock.hpp: a clock that a test moves, or that moves itself when the loop has nothing else to do.
//
// A test that really sleeps is slow on a good day and wrong on a busy one. On this clock a sleep of a year takes no
// time, and everything happens in the order in which it would.
//
// While a thread works for the loop, such as at a job of run_in_thread(), the clock does not jump over it: the loop sleeps
// for as long as it would by a real clock, and only if all of that has passed does the clock jump. Of a thread that a test
// starts itself the loop knows nothing, unless the test calls work_started() and work_finished().
#pragma once

#include <algorithm>

#include "treadle/clock.hpp"

namespace treadle::testing {

class VirtualClock final : public Clock {
 public:
  time_point now() const noexcept override { return now_; }
  duration until(time_point) const noexcept override { return duration::zero(); }

  /// Jumps, as the loop would otherwise have to wait.
  void idle_until(time_point deadline) noexcept override { now_ = std::max(now_, deadline); }

  void advance(duration by) noexcept { now_ += by; }

  /// Since the clock was made.
  duration elapsed() const noexcept { return now_ - kStart; }

 private:
  // Not zero, so that a forgotten deadline is in the past and not right now.
  static constexpr time_point kStart{std::chrono::hours(1000)};

  time_point now_ = kStart;
};

}  // namespace treadle::testing
