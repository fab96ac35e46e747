#include "treadle/step_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "treadle/task.hpp"
#include "treadle/text.hpp"

namespace treadle {

namespace {

AnyTask handle_to(TaskBlock* task) noexcept {
  return task != nullptr ? AnyTask(Ref<TaskBlock>(*task)) : AnyTask();
}

}  // namespace

// A loop asks only a watch that is needed.
void StepWatch::follow() noexcept {
  host_.set_step_watch(needed() ? this : nullptr);
  if (needed()) return;
  by_ = nullptr;  // nobody will say when its step is over
  step_timed_ = asking_ = false;
  callback_created_at_ = {};
}

void StepWatch::add(LoopObserver& observer) {
  observers_.push_back(&observer);
  follow();
}

void StepWatch::remove(LoopObserver& observer) noexcept {
  // Left in place as a gap while somebody walks along the list.
  std::replace(observers_.begin(), observers_.end(), &observer,
               static_cast<LoopObserver*>(nullptr));
  if (telling_ == 0) std::erase(observers_, nullptr);
  follow();
}

template <class Hook>
void StepWatch::tell(Hook hook) noexcept {
  const std::size_t known = observers_.size();  // who comes meanwhile is told of what comes next
  if (known == 0) return;
  ++telling_;
  for (std::size_t place = 0; place < known; ++place) {
    try {
      if (observers_[place] != nullptr) hook(*observers_[place]);
    } catch (...) {
      detach(place, std::current_exception());
    }
  }
  if (--telling_ == 0) std::erase(observers_, nullptr);
  follow();
}

void StepWatch::detach(std::size_t place, std::exception_ptr why) noexcept {
  observers_[place] = nullptr;
  try {
    host_.report("an observer failed, and is not called any more", std::move(why), nullptr);
  } catch (const std::bad_alloc&) {
    return;  // there is no memory to say it
  }
}

Clock::duration StepWatch::read_clock() noexcept {
  if (!reads_clock()) return Clock::duration::zero();
  const Clock::time_point before = std::exchange(now_, clock_.now());
  return now_ - before;
}

TaskTimes* StepWatch::times_of(TaskBlock& task) const noexcept {
  return options_.timing ? task.times() : nullptr;
}

Clock::duration StepWatch::end_of_step() noexcept {
  const Clock::duration step = read_clock();
  counts_.busy += step;
  step_timed_ = true;
  return step;
}

void StepWatch::warn_if_slow(Clock::duration step, const TaskBlock* task,
                             const std::source_location& last) noexcept {
  if (options_.slow() <= Clock::duration::zero() || step < options_.slow()) return;
  ++counts_.slow_steps;
  try {
    tell_of_slow(step, task, last);
  } catch (const std::bad_alloc&) {
    return;  // there is no memory to say it; it is counted
  }
}

void StepWatch::tell_of_slow(Clock::duration step, const TaskBlock* task,
                             const std::source_location& last) {
  std::string what = task != nullptr ? task->label() : "a callback";
  if (task == nullptr && callback_created_at_.line() != 0)
    what += " made at " + to_string(callback_created_at_);
  what += " held the loop for " + short_time(step);
  if (task != nullptr)
    what += (task->done() ? ", until its end after " : ", until ") + to_string(StackEntry(last));
  host_.report(std::move(what), nullptr, task);
}

void StepWatch::created(TaskBlock& task) noexcept {
  if (options_.timing) task.keep_times(clock_.now());
  tell([&](LoopObserver& observer) { observer.on_create(handle_to(&task)); });
}

void StepWatch::resumes(TaskBlock& task) noexcept {
  by_ = &task;
  if (TaskTimes* times = times_of(task)) times->resumed(now_);
  tell([&](LoopObserver& observer) { observer.on_resume(handle_to(&task)); });
}

void StepWatch::suspended(TaskBlock& task, WaitReason reason) noexcept {
  const Clock::duration step = end_of_step();
  if (TaskTimes* times = times_of(task)) times->suspended(now_, reason, task.where());
  warn_if_slow(step, &task, task.where());
  told_of_wait_ = &task;
  tell([&](LoopObserver& observer) { observer.on_suspend(handle_to(&task), reason); });
  told_of_wait_ = nullptr;
  if (std::exchange(woken_by_hook_, false))
    tell([&](LoopObserver& observer) { observer.on_wake(handle_to(&task), handle_to(nullptr)); });
}

void StepWatch::woken(TaskBlock& task) noexcept {
  if (&task == told_of_wait_) return woken_as_told(task);
  if (&task == by_) return;  // as it began to wait: it has not stopped yet
  kernel_answered();         // else it would not have been woken
  if (TaskTimes* times = times_of(task)) times->woken(now_);
  tell([&](LoopObserver& observer) { observer.on_wake(handle_to(&task), handle_to(by_)); });
}

// A hook has woken the task, by a cancel or otherwise. All observers hear first that it waits.
void StepWatch::woken_as_told(TaskBlock& task) noexcept {
  if (TaskTimes* times = times_of(task)) times->woken(now_);
  woken_by_hook_ = true;
}

void StepWatch::asked_to_end(TaskBlock& task) noexcept {
  tell([&](LoopObserver& observer) { observer.on_cancel(handle_to(&task)); });
}

void StepWatch::finished(TaskBlock& task, const std::source_location& last) noexcept {
  const Clock::duration step = end_of_step();
  if (TaskTimes* times = times_of(task)) times->finished(now_, last);
  if (&task == by_) warn_if_slow(step, &task, last);
  tell([&](LoopObserver& observer) { observer.on_finish(handle_to(&task)); });
}

void StepWatch::turn_begins(std::size_t ready) noexcept {
  tell([&](LoopObserver& observer) { observer.on_turn(ready); });
}

void StepWatch::asks_kernel(bool waits) noexcept {
  asking_ = true;
  waits_ = waits;
}

void StepWatch::kernel_answered() noexcept {
  if (!std::exchange(asking_, false)) return;
  const Clock::duration time = read_clock();
  (waits_ ? counts_.idle : counts_.polling) += time;
  tell([&](LoopObserver& observer) { observer.on_poll(waits_, time); });
}

void StepWatch::runnable_begins(const Runnable& next) noexcept {
  const std::source_location* const place = next.created_at();
  callback_created_at_ = place != nullptr ? *place : std::source_location();
}

void StepWatch::runnable_over() noexcept {
  by_ = nullptr;
  if (std::exchange(step_timed_, false)) return;
  warn_if_slow(end_of_step(), nullptr, {});
  callback_created_at_ = {};
  step_timed_ = false;
}

}  // namespace treadle
