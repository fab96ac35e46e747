#include "treadle/task_times.hpp"

namespace treadle {

namespace {

constexpr Clock::time_point kNever{};

}  // namespace

void TaskTimes::woken(Moment now) noexcept {
  if (running_) return;  // cancelled as it began to wait: it has not stopped yet
  close_account(now);
  reason_ = WaitReason::kReady;
}

void TaskTimes::finished(Moment now, const std::source_location& where) noexcept {
  if (running_) {
    step_over(now, where);
  } else {
    close_account(now);
  }
  finished_ = now;
}

void TaskTimes::write_to(TaskMetrics& metrics, Moment now) const {
  TaskTimes closed = *this;
  if (finished_ == kNever) closed.close_account(now);
  metrics.timed = true;
  metrics.created = created_;
  metrics.started = started_;
  metrics.finished = finished_;
  metrics.age = closed.since_ - created_;
  metrics.execution = closed.execution_;
  metrics.waits = closed.waits_;
  metrics.longest_step = longest_step_;
  if (longest_step_ > Clock::duration::zero())
    metrics.longest_step_end = StackEntry(longest_step_end_);
}

}  // namespace treadle
