// suspension.hpp: what it means for a task to wait.
//
// A task that must wait leaves a Suspension behind: a small object in its own coroutine frame
// that says what it waits for, and that is known to whatever will wake it: a list, a heap, a
// descriptor. Nothing is allocated for it, and when the frame goes, it goes.
//
// A wait ends in exactly one of two ways. It is woken: then what it waited for has happened. Or it
// is withdrawn, because the task was cancelled: then it is as if the task had never waited.
//
// Thread safety: none. One loop, one thread.
#pragma once

#include <string>

#include "treadle/coro.hpp"
#include "treadle/wait_reason.hpp"

namespace treadle {

/// One wait of one task. Awaiters that wait inherit it.
class Suspension {
 public:
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

  /// What the task waits for, for people: `Task-7`, `sleep of 2s`.
  virtual std::string waits_for() const = 0;

  /// The same in one word, for reports that add up.
  virtual WaitReason reason() const noexcept { return WaitReason::kOther; }

  /// The task that it waits for; null if it waits for anything else.
  virtual const TaskBlock* blocker() const noexcept { return nullptr; }

  /// The task that waits here. REQUIRES: suspend() has been called.
  TaskBlock& task() const noexcept { return *task_; }

  /// Makes the task ready; the loop resumes it in its next turn. REQUIRES: the task waits here.
  void wake() noexcept;

  /// The task was cancelled: it leaves the place from which the wake-up would come, and nothing
  /// stays behind. Called instead of a wake-up, never after one. Each kind of suspension leaves the
  /// place that it is known in; one that is known nowhere has nothing to do.
  virtual void withdraw() noexcept {}

 protected:
  Suspension() noexcept = default;
  ~Suspension() = default;

  /// The coroutine behind `promise` waits here from now on, and its task with it. Comes last, when
  /// the suspension is known where the wake-up will come from: from here on it may be woken.
  void suspend(PromiseBase& promise) noexcept;

 private:
  TaskBlock* task_ = nullptr;
};

}  // namespace treadle
