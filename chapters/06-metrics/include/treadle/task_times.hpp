// task_times.hpp: where a task's time goes, kept with one reading of the clock for each change.
//
// A task either takes a step, or waits for a reason, or is ready and waits for its turn. Each change
// from one to another closes one account and opens the next at the same moment. So nothing is counted
// twice and nothing is lost: the accounts add up to the task's age, always.
//
// Invariants
//   1. execution + waits == the moment of the last change - created.
//
// Thread safety: none. The loop's own.
#pragma once

#include <source_location>
#include <utility>

#include "treadle/metrics.hpp"

namespace treadle {

class TaskTimes {
 public:
  using Moment = Clock::time_point;

  /// Made at `now`, and ready.
  explicit TaskTimes(Moment now) noexcept : created_(now), since_(now) {}

  /// A step begins.
  void resumed(Moment now) noexcept {
    close_account(now);
    if (started_ == Moment()) started_ = now;
    running_ = true;
  }

  /// The step is over, and the task waits for `reason`. `where` is the co_await that ended it.
  void suspended(Moment now, WaitReason reason, const std::source_location& where) noexcept {
    step_over(now, where);
    reason_ = reason;
  }

  /// It need not wait any longer.
  void woken(Moment now) noexcept;

  /// It has ended, in a step or without.
  void finished(Moment now, const std::source_location& where) noexcept;

  /// Writes all of it down as it stands at `now`.
  void write_to(TaskMetrics& metrics, Moment now) const;

 private:
  void close_account(Moment now) noexcept {
    const Clock::duration time = now - std::exchange(since_, now);
    if (running_) {
      execution_ += time;
    } else {
      waits_.add(reason_, time);
    }
  }

  void step_over(Moment now, const std::source_location& where) noexcept {
    if (const Clock::duration step = now - since_; step > longest_step_) {
      longest_step_ = step;
      longest_step_end_ = where;
    }
    close_account(now);
    running_ = false;
  }

  Moment created_;
  Moment started_;
  Moment finished_;
  Moment since_;  // the last change
  Clock::duration execution_{};
  Clock::duration longest_step_{};
  std::source_location longest_step_end_;
  WaitTimes waits_;
  WaitReason reason_ = WaitReason::kReady;
  bool running_ = false;
};

}  // namespace treadle
