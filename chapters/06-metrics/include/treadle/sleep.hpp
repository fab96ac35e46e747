// sleep.hpp: waiting for time to pass.
//
// A sleep is the smallest whole suspension there is: one object in the coroutine's frame that is
// both what the task waits at and the timer that wakes it.
//
// Thread safety: none. A task sleeps on the loop that runs it.
// Source: asyncio.sleep; std::this_thread::sleep_for and sleep_until for the names of the
// functions.
#pragma once

#include <string>

#include "treadle/event_loop.hpp"

namespace treadle {

/// Waits for a while, or until a moment: `co_await Sleep(2s)`.
///
/// Always suspends, and never wakes early. The loop wakes the task in the first turn that begins
/// at the deadline or after it; those with the same deadline wake in the order in which they went
/// to sleep. A while counts from the moment the await begins; zero or less means the next turn.
/// Cancelled or destroyed asleep, its timer leaves the heap at once, in O(log n).
class [[nodiscard]] Sleep final : public Suspension, private Timer {
 public:
  explicit Sleep(Delay delay) noexcept : delay_(delay.in_nanoseconds()), relative_(true) {}
  explicit Sleep(Clock::time_point deadline) noexcept : deadline_(deadline) {}

  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    start(caller.promise());
  }
  void await_resume() const noexcept {}

  std::string waits_for() const override;
  WaitReason reason() const noexcept override { return WaitReason::kSleep; }
  void withdraw() noexcept override { disarm(); }

 private:
  void start(PromiseBase& caller);
  void fire() noexcept override { wake(); }
  void drop() noexcept override {}

  Clock::duration delay_{};
  Clock::time_point deadline_;
  bool relative_ = false;
};

/// Waits for `delay`. See Sleep.
inline Sleep sleep_for(Delay delay) noexcept { return Sleep(delay); }

/// Waits until `deadline`; where that has passed, until the next turn. See Sleep.
inline Sleep sleep_until(Clock::time_point deadline) noexcept { return Sleep(deadline); }

}  // namespace treadle
