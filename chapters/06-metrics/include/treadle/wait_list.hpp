// wait_list.hpp: what it means for a task to wait, and where tasks wait in order of arrival.
//
// A task that must wait leaves a Suspension behind: a small object in its own coroutine frame
// that says what it waits for and is linked where the wake-up will come from. Nothing is
// allocated for it, and when the frame goes, it goes.
//
// A WaitList only remembers who came first. It knows nothing of why they wait, and of the loop
// nothing but how to wake.
//
// A wait ends in exactly one of two ways. It is woken: then what it waited for has happened. Or it
// is withdrawn, because the task was cancelled: then it is as if the task had never waited.
//
// Invariants
//   1. A suspension is in at most one list, and then its task is waiting.
//   2. Removal comes before readiness, by wake and by cancel alike: a task that is ready is in no
//      list. So a wake and a cancel cannot both have the task.
//   3. Order is order of arrival. Every promise of fairness rests on this alone.
//
// Thread safety: none. One loop, one thread.
#pragma once

#include <string>

#include "treadle/coro.hpp"
#include "treadle/intrusive_list.hpp"
#include "treadle/wait_reason.hpp"

namespace treadle {

/// One wait of one task. Awaiters that wait inherit it.
class Suspension : public ListLink {
 public:
  /// What the task waits for, for people: `Task-7`, `sleep of 2s`.
  virtual std::string waits_for() const = 0;

  /// The same in one word, for reports that add up.
  virtual WaitReason reason() const noexcept { return WaitReason::kOther; }

  /// The task whose end it waits for; null where it waits for anything else.
  virtual const TaskBlock* awaited_task() const noexcept { return nullptr; }

  /// The task that waits here. REQUIRES: suspend() has been called.
  TaskBlock& task() const noexcept { return *task_; }

  /// Makes the task ready; the loop resumes it in its next turn. REQUIRES: the task waits here.
  void wake() noexcept;

  /// The task was cancelled: it leaves the place from which the wake-up would come, and nothing
  /// stays behind. Called instead of a wake-up, never after one. Leaves its list; who is known
  /// anywhere else overrides it.
  virtual void withdraw() noexcept { unlink(); }

 protected:
  Suspension() noexcept = default;
  ~Suspension() = default;

  /// The coroutine behind `promise` waits here from now on, and its task with it. Comes last, when
  /// the suspension is linked already: from here on it may be woken.
  void suspend(PromiseBase& promise) noexcept;

 private:
  TaskBlock* task_ = nullptr;
};

/// Tasks that wait for the same thing, first come, first woken.
class WaitList {
 public:
  bool empty() const noexcept { return waiting_.empty(); }

  /// Calls `visit(suspension)` for each, in order of arrival.
  template <class F>
  void for_each(F&& visit) const {
    waiting_.for_each(visit);
  }

  /// REQUIRES: `suspension` is in no list.
  void add(Suspension& suspension) noexcept { waiting_.push_back(suspension); }

  /// Wakes whoever has waited longest; does nothing where nobody waits.
  void wake_one() noexcept {
    if (!empty()) waiting_.pop_front().wake();
  }

  /// Wakes all, in order of arrival.
  void wake_all() noexcept {
    while (!empty()) wake_one();
  }

 private:
  IntrusiveList<Suspension> waiting_;
};

}  // namespace treadle
