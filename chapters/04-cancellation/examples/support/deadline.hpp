// deadline.hpp: a part of a task that can be ended from outside, while the task goes on behind it.
//
// cancel() ends a whole task. Who wants to end only what the task is doing just now cancels it too,
// and behind that part takes the request back. So cancelling() counts those who want the task
// itself to end, and tells whose a CancelledError was:
//
//   try {
//     const Deadline deadline(loop, self, 2s);
//     co_await work();
//   } catch (const CancelledError&) {
//     if (self.cancelling() > 0) throw;  // somebody wants all of us to end
//     say("too slow");                   // it was the deadline
//   }
//
// A request that comes when `work` has just been done is taken back before anybody has heard of it.
//
// Source: trio's CancelScope; for the counting, asyncio.timeout.
#pragma once

#include <utility>

#include "treadle/event_loop.hpp"

namespace examples {

/// What its task awaits while this lives can be cancelled by itself.
class CancelScope {
 public:
  explicit CancelScope(treadle::AnyTask task) : task_(std::move(task)) {}
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

  /// Asks the task to leave the scope. More than once is no more than once.
  void cancel(treadle::CancelledError request) { task_.cancel(std::move(request), token_); }

 private:
  const treadle::AnyTask task_;
  treadle::CancelToken token_;  // destroyed, it takes the request back
};

/// A scope that is cancelled when its time is up.
class Deadline {
 public:
  Deadline(treadle::EventLoop& loop, treadle::AnyTask task, treadle::Delay limit)
      : scope_(std::move(task)), timer_(loop.call_later(limit, [this] { pass(); })) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() { timer_.cancel(); }

  /// The time is up, now or earlier than it was to be.
  void pass() { scope_.cancel(treadle::CancelledError({}, treadle::CancelOrigin::kDeadline)); }

 private:
  CancelScope scope_;
  treadle::TimerHandle timer_;
};

}  // namespace examples
