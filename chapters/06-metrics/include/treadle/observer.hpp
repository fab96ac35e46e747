// observer.hpp: looking over a loop's shoulder.
//
// Numbers say how much; to see what happens, in order, one has to be told. An observer is told of
// each change in a task's life, at the moment of the change. Tracers, monitors and tests are observers.
//
// All hooks do nothing by default: override those you care for. They are called on the loop's thread,
// between two steps or in the middle of one, and the loop waits for them: be quick. Several observers
// are told in the order in which they came.
//
// A hook may ask anything of the task and of the loop, make tasks, cancel, add and remove observers.
// One that throws has had its last call: the observer is detached, and the error goes to the exception
// handler.
//
// Invariants
//   1. For one task: on_create; then on_resume and on_suspend in turn; then on_finish, once. Between
//      on_suspend with a reason other than kReady and the next on_resume there is one on_wake.
//   2. A task that was made before the observer came is told of from there on, wherever it stands.
//
// Thread safety: an observer is called by one thread at a time, that of its loop.
// Cost: a loop without observers pays one branch for each hook, which is predicted.
#pragma once

#include <chrono>
#include <cstddef>

#include "treadle/wait_reason.hpp"

namespace treadle {

class AnyTask;

class LoopObserver {
 public:
  virtual ~LoopObserver() = default;

  /// `task` was made, and is ready to take its first step.
  virtual void on_create(const AnyTask& /*task*/) {}

  /// `task` begins a step.
  virtual void on_resume(const AnyTask& /*task*/) {}

  /// `task` has ended a step and waits for `reason`: kReady where it only lets others run.
  virtual void on_suspend(const AnyTask& /*task*/, WaitReason /*reason*/) {}

  /// `task` need not wait any longer, and is ready. `by` is the task in whose step that came about; a
  /// handle to nothing where it was no task's doing, but the time's, a descriptor's or a callback's.
  virtual void on_wake(const AnyTask& /*task*/, const AnyTask& /*by*/) {}

  /// `task` was asked to end.
  virtual void on_cancel(const AnyTask& /*task*/) {}

  /// `task` is done: its state says how.
  virtual void on_finish(const AnyTask& /*task*/) {}

  /// A turn begins in which so many run.
  virtual void on_turn(std::size_t /*ready*/) {}

  /// The kernel was asked, and has answered after `time`: zero where the loop keeps no times. `waited`
  /// is whether the loop had nothing else to do.
  virtual void on_poll(bool /*waited*/, std::chrono::nanoseconds /*time*/) {}

 protected:
  LoopObserver() = default;
  LoopObserver(const LoopObserver&) = default;
  LoopObserver& operator=(const LoopObserver&) = default;
};

}  // namespace treadle
