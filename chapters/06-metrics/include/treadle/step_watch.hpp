// step_watch.hpp: what a loop does at each step of a task where somebody wants to know of it.
//
// Three want to: who keeps times, who is warned of steps that take too long, and observers. They all
// ask at the same places, so a loop has one place to ask: is there a watch? Where there is none, that
// is all it costs.
//
// The clock is read once for each step, at its end, and that is where the next one begins; and once
// when the kernel has answered. A task that is woken in the middle of a step is taken to be woken at
// its beginning. What the loop itself does between two readings goes with what comes next.
//
// Invariants
//   1. now_ is the last reading of the clock: the beginning of whatever happens now.
//   2. An observer that is told is attached; one that was removed is not called again.
//
// Thread safety: none. The loop's own.
#pragma once

#include <cstddef>
#include <exception>
#include <source_location>
#include <vector>

#include "treadle/clock.hpp"
#include "treadle/loop_options.hpp"
#include "treadle/metrics.hpp"
#include "treadle/observer.hpp"
#include "treadle/ready_queue.hpp"

namespace treadle {

class TaskBlock;
class TaskHost;
class TaskTimes;

class StepWatch {
 public:
  StepWatch(TaskHost& host, const Clock& clock, const LoopOptions& options, LoopMetrics& counts)
      : host_(host), clock_(clock), options_(options), counts_(counts), now_(clock.now()) {}
  StepWatch(const StepWatch&) = delete;
  StepWatch& operator=(const StepWatch&) = delete;

  /// False where nobody wants to know anything.
  bool needed() const noexcept { return reads_clock() || !observers_.empty(); }

  void add(LoopObserver& observer);
  void remove(LoopObserver& observer) noexcept;

  // ---- What happens to a task

  void created(TaskBlock& task) noexcept;
  void resumes(TaskBlock& task) noexcept;
  void suspended(TaskBlock& task, WaitReason reason) noexcept;
  void woken(TaskBlock& task) noexcept;
  void asked_to_end(TaskBlock& task) noexcept;

  /// Its state says how it ended. `last` is the co_await that its first coroutine came to last.
  void finished(TaskBlock& task, const std::source_location& last) noexcept;

  // ---- What happens to the loop

  void turn_begins(std::size_t ready) noexcept;

  /// The kernel is asked what is ready. `waits` is whether there is nothing else to do.
  void asks_kernel(bool waits) noexcept;

  /// It has answered, and who was waiting for that has been woken.
  void kernel_answered() noexcept;

  /// What lay in the ready queue is about to run, a step or a callback.
  void runnable_begins(const Runnable& next) noexcept;

  /// It has run.
  void runnable_over() noexcept;

 private:
  bool reads_clock() const noexcept {
    return options_.timing || options_.slow() > Clock::duration::zero();
  }
  Clock::duration read_clock() noexcept;
  Clock::duration end_of_step() noexcept;
  void warn_if_slow(Clock::duration step, const TaskBlock* task,
                    const std::source_location& last) noexcept;
  void tell_of_slow(Clock::duration step, const TaskBlock* task, const std::source_location& last);
  void follow() noexcept;
  void woken_as_told(TaskBlock& task) noexcept;
  TaskTimes* times_of(TaskBlock& task) const noexcept;
  template <class Hook>
  void tell(Hook hook) noexcept;
  void detach(std::size_t place, std::exception_ptr why) noexcept;

  TaskHost& host_;
  const Clock& clock_;
  const LoopOptions options_;
  LoopMetrics& counts_;
  Clock::time_point now_;
  TaskBlock* by_ = nullptr;                   // whose step this is; also while it ends
  TaskBlock* told_of_wait_ = nullptr;         // observers are being told that it waits
  bool woken_by_hook_ = false;                // and meanwhile it need not wait any longer
  std::source_location callback_created_at_;  // where what runs is a callback that knows its place
  bool step_timed_ = false;                   // the end of this step has been read from the clock
  bool asking_ = false;                       // the kernel, and it has not answered
  bool waits_ = false;                        // as there is nothing else to do

  std::vector<LoopObserver*> observers_;  // null: removed while somebody was told
  int telling_ = 0;
};

}  // namespace treadle
