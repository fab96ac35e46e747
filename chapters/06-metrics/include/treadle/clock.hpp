// clock.hpp: what time it is, and how to pass it.
//
// A loop asks a clock two things: what time is it, and how long must the thread sleep until a
// deadline. Answered by the steady clock of the system, programs run in real time. Answered by a
// clock of a test, a program that sleeps for a year ends in a millisecond, and ends the same way
// each time. trio calls that an autojump clock.
//
// The steady clock and not the clock on the wall: a deadline must not move when somebody sets the
// date.
//
// Thread safety: SteadyClock may be used from any thread.
#pragma once

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <type_traits>

namespace treadle {

class Clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;
  static_assert(std::is_same_v<time_point::duration, duration>,
                "deadlines are counted in nanoseconds");

  virtual time_point now() const noexcept = 0;

  /// How long a thread really has to sleep until it is `deadline`; zero or less where that has
  /// passed.
  virtual duration until(time_point deadline) const noexcept = 0;

  /// The loop has slept for until(deadline), and nothing else came up. A clock that is no slave
  /// of real time may jump.
  virtual void idle_until(time_point deadline) noexcept = 0;

  /// `start + delay`, or the last moment there is if the sum would be later than that; the first
  /// moment if it would be earlier.
  static time_point later(time_point start, duration delay) noexcept {
    if (delay > duration::zero())
      return start > time_point::max() - delay ? time_point::max() : start + delay;
    return start < time_point::min() - delay ? time_point::min() : start + delay;
  }

 protected:
  // Not virtual, as no clock is deleted by way of its base. So the steady clock has nothing to destroy,
  // and is there for a loop that is made while the program ends.
  ~Clock() = default;
};

/// How long to wait: a duration of any unit, counted in nanoseconds. One that is too long for that
/// becomes the longest there is, so that `std::chrono::hours::max()` means for ever and not a number
/// that has gone round. Infinity is too long as well. Throws std::invalid_argument for NaN, which is
/// what a computation such as 0.0 / 0.0 leaves: no length at all.
class Delay {
 public:
  template <class Rep, class Period>
  Delay(std::chrono::duration<Rep, Period> time) noexcept(std::is_integral_v<Rep>)
      : nanoseconds_(fits(time) ? std::chrono::duration_cast<Clock::duration>(time)
                                : longest(time)) {}

  Clock::duration in_nanoseconds() const noexcept { return nanoseconds_; }

 private:
  using Seconds = std::chrono::duration<double>;

  static bool fits(Seconds time) noexcept { return std::abs(time.count()) < kMost.count(); }
  static Clock::duration longest(Seconds time) {
    if (std::isnan(time.count())) throw std::invalid_argument("a delay is a number, and not NaN");
    return time < Seconds::zero() ? Clock::duration::min() : Clock::duration::max();
  }

  static constexpr Seconds kMost = Clock::duration::max();

  Clock::duration nanoseconds_;
};

/// std::chrono::steady_clock, which never goes back.
class SteadyClock final : public Clock {
 public:
  time_point now() const noexcept override;
  duration until(time_point deadline) const noexcept override {
    const time_point time = now();
    // Not just the difference: for a deadline in the distant past it would overflow.
    return deadline > time ? deadline - time : duration::zero();
  }
  void idle_until(time_point) noexcept override {}

  /// The one instance, as a clock has no state.
  static SteadyClock& instance() noexcept {
    static SteadyClock clock;
    return clock;
  }
};

}  // namespace treadle
