// scheduled_call.hpp: a callback that waits for its time, and the handle that can take it back.
//
// It is a timer first and a call then: when its deadline comes it goes to the end of the ready
// queue like everybody else, and runs from there. A handle can cancel it in both places.
//
// Invariants
//   1. Those of Call; the loop's reference is for as long as it is armed or queued.
//
// Thread safety: a handle may be used from any thread. The timer is the loop's.
// Source: asyncio.TimerHandle.
#pragma once

#include <utility>

#include "treadle/call.hpp"
#include "treadle/clock.hpp"
#include "treadle/inbox.hpp"
#include "treadle/ref.hpp"
#include "treadle/timer_heap.hpp"

namespace treadle {

/// What stands behind a TimerHandle, whatever the callback's type.
class ScheduledCall : public Call, public Timer {
 public:
  Clock::time_point when() const noexcept { return deadline_; }

  void fire() noexcept final { ready_.push(*this); }
  void drop() noexcept final { discard(); }

 protected:
  ScheduledCall(Ref<Inbox> inbox, ReadyQueue& ready, Clock::time_point deadline) noexcept
      : inbox_(std::move(inbox)), ready_(ready), deadline_(deadline) {}

 private:
  void withdraw() noexcept override;
  void leave() noexcept;

  const Ref<Inbox> inbox_;
  ReadyQueue& ready_;  // of the loop that armed it, so it is there whenever the timer fires
  const Clock::time_point deadline_;
};

/// A handle to a callback that call_later() or call_at() scheduled. Dropping it changes nothing.
/// Cancelled on the loop's own thread, its timer leaves at once, in O(log n); from another one, in
/// the loop's next turn.
class TimerHandle : public Handle {
 public:
  /// A handle to nothing, to be assigned to.
  TimerHandle() noexcept = default;
  explicit TimerHandle(Ref<ScheduledCall> call) noexcept : Handle(std::move(call)) {}

  /// The deadline it was scheduled for.
  Clock::time_point when() const noexcept { return static_cast<ScheduledCall&>(call()).when(); }
};

}  // namespace treadle
