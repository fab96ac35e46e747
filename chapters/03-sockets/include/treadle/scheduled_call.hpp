// scheduled_call.hpp: a callback that waits for its time, and the handle that can take it back.
//
// It is a timer first and a runnable then: when its deadline comes it goes to the end of the
// ready queue like everybody else, and runs from there. A handle can cancel it in both places.
//
// Invariants
//   1. The loop holds one reference while the call is armed or queued; handles hold the others.
//   2. The callback is destroyed when it has run or been cancelled, not when the last handle
//      goes.
//
// Thread safety: none. One loop, one thread.
// Source: asyncio.TimerHandle.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "treadle/clock.hpp"
#include "treadle/errors.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"
#include "treadle/timer_heap.hpp"

namespace treadle {

/// What stands behind a TimerHandle, whatever the callback's type.
class ScheduledCall : public Timer, public Runnable {
 public:
  Clock::time_point when() const noexcept { return deadline_; }
  bool cancelled() const noexcept { return cancelled_; }

  /// See TimerHandle::cancel().
  bool cancel() noexcept;

  void fire() noexcept final { ready_.push(*this); }
  void run() final;
  void drop() noexcept final { discard(); }
  void discard() noexcept final;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }

 protected:
  ScheduledCall(ReadyQueue& ready, Clock::time_point deadline) noexcept
      : ready_(ready), deadline_(deadline) {}
  virtual ~ScheduledCall() = default;

  virtual void call() = 0;
  virtual void destroy_callback() noexcept = 0;

 private:
  ReadyQueue& ready_;  // of the loop that armed it, so it is there whenever the timer fires
  const Clock::time_point deadline_;
  int references_ = 0;
  bool cancelled_ = false;
};

template <class F>
class ScheduledCallOf final : public ScheduledCall {
 public:
  ScheduledCallOf(ReadyQueue& ready, Clock::time_point deadline, F callback)
      : ScheduledCall(ready, deadline), callback_(std::move(callback)) {}

 private:
  void call() override {
    F callback = std::move(*callback_);
    callback_.reset();
    std::invoke(std::move(callback));
  }
  void destroy_callback() noexcept override { callback_.reset(); }

  std::optional<F> callback_;
};

/// A handle to a callback that call_later() or call_at() scheduled. Dropping it changes nothing.
class TimerHandle {
 public:
  /// A handle to nothing, to be assigned to.
  TimerHandle() noexcept = default;
  explicit TimerHandle(Ref<ScheduledCall> call) noexcept : call_(std::move(call)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(call_); }

  /// Takes the callback back: it will not run, and is destroyed with all it captured. False where
  /// it is too late for that, because it has run or is running, or where it was cancelled before.
  /// O(log n).
  bool cancel() noexcept { return call().cancel(); }

  bool cancelled() const noexcept { return call().cancelled(); }

  /// The deadline it was scheduled for.
  Clock::time_point when() const noexcept { return call().when(); }

 private:
  ScheduledCall& call() const noexcept {
    precondition(static_cast<bool>(call_),
                 "a TimerHandle that is asked for something is a handle to something");
    return *call_;
  }

  Ref<ScheduledCall> call_;
};

}  // namespace treadle
