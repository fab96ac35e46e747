// task.hpp: Task<T>, a Coro that a loop owns, and the block of memory behind the handle.
//
// A Task is a handle: cheap to copy, and never the reason why the work goes on. The loop holds
// the work until it has ended; handles hold the ending until nobody can ask for it any more. An
// ending that is an error and that nobody ever asked for is reported, not lost.
//
// A task is one chain of coroutines, so at any moment there is one place where it goes on. The
// block knows it, and is itself what lies in the ready queue.
//
// Invariants
//   1. A task is in exactly one state: ready (queued), running, waiting (at one suspension), or
//      done.
//   2. The frame is destroyed as soon as the task is done, the ending and the block when the last
//      handle is gone.
//   3. host_ is null from the moment the loop is destroyed; a handle may outlive its loop.
//
// Thread safety: none. One loop, one thread.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "treadle/coro.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"
#include "treadle/result.hpp"
#include "treadle/wait_list.hpp"

namespace treadle {

class TaskBlock;

/// The loop, as its tasks see it: where the ready ones go, and who is told of an end.
class TaskHost {
 public:
  ReadyQueue& ready() noexcept { return ready_; }

  /// `task` is done, and its joiners have been woken. The host lets go of it.
  virtual void task_done(TaskBlock& task) noexcept = 0;

  /// `task` ended with `error`, and nobody can ask for it any more.
  virtual void error_lost(const TaskBlock& task, std::exception_ptr error) noexcept = 0;

 protected:
  ~TaskHost() = default;

  ReadyQueue ready_;
};

/// What stands behind the handles of one task, whatever its type.
class TaskBlock : public Runnable, public ListLink {
 public:
  using Id = std::uint64_t;

  Id id() const noexcept { return id_; }

  /// The task as messages call it: `Task-7`.
  std::string label() const;

  /// What the task waits for; empty while it is ready, running or done.
  std::string waits_for() const;

  bool done() const noexcept { return done_; }

  /// The loop that owns the task; null once that is gone.
  TaskHost* host() const noexcept { return host_; }

  /// The task that runs here goes to the end of the ready queue, and `promise` is where it will
  /// go on.
  void yield(PromiseBase& promise) noexcept {
    resume_at_ = &promise;
    host_->ready().push(*this);
  }

  /// The task that runs here waits at `suspension`, and `promise` is where it will go on.
  void wait(PromiseBase& promise, Suspension& suspension) noexcept {
    resume_at_ = &promise;
    waiting_at_ = &suspension;
  }

  /// Makes a waiting task ready. REQUIRES: it waits, or is being destroyed: then nothing happens.
  void wake() noexcept {
    if (resume_at_ == nullptr) return;  // its own locals may wake it while they go
    precondition(waiting_at_ != nullptr, "only a task that waits can be woken");
    waiting_at_ = nullptr;
    host_->ready().push(*this);
  }

  /// Wakes `joiner` when the task is done. REQUIRES: it is not done.
  void add_joiner(Waiter& joiner) noexcept { joiners_.add(joiner); }

  /// Somebody has seen how the task ended, so its error is not lost.
  void mark_retrieved() noexcept { retrieved_ = true; }

  /// The error the task ended with, or null.
  virtual std::exception_ptr error() const noexcept = 0;

  /// Runs until the next suspension or the end.
  void run() final;

  /// Left in the ready queue by a loop that is gone, and whose reference this drops.
  void discard() noexcept final { release(); }

  /// The loop goes. What has not ended is destroyed where it stands; an error that nobody asked
  /// for is reported.
  void detach() noexcept;

  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) forget();
  }
  bool shared() const noexcept { return references_ > 1; }

 protected:
  TaskBlock(TaskHost& host, Id id, Frame frame) noexcept;
  virtual ~TaskBlock() = default;

  /// Moves the ending out of `promise`, before its frame is destroyed.
  virtual void keep_result(PromiseBase& promise) noexcept = 0;

 private:
  void finish() noexcept;
  void forget() noexcept;
  void report_lost_error() noexcept;

  const Id id_;
  int references_ = 0;
  bool done_ = false;
  bool retrieved_ = false;
  TaskHost* host_;
  Frame frame_;                       // the first coroutine of the chain
  PromiseBase* resume_at_;            // the last one of it, where the task goes on; null: nowhere
  Suspension* waiting_at_ = nullptr;  // what it waits for, if it waits
  WaitList joiners_;                  // who waits for it
};

/// The block of a task that ends with a T.
template <class T>
class TaskBlockOf final : public TaskBlock {
 public:
  TaskBlockOf(TaskHost& host, Id id, Frame frame) noexcept
      : TaskBlock(host, id, std::move(frame)) {}

  Result<T>& result() noexcept { return result_; }
  std::exception_ptr error() const noexcept override { return result_.error(); }

 private:
  void keep_result(PromiseBase& promise) noexcept override {
    result_.take_over(static_cast<Promise<T>&>(promise).result());
  }

  Result<T> result_;
};

/// Waits for a task to end. What `co_await task` makes.
class Join : public Waiter {
 public:
  explicit Join(Ref<TaskBlock> task) noexcept : target_(std::move(task)) {}

  bool await_ready() const noexcept { return false; }

  /// False, to go on at once, where the task is done already. Throws InvalidStateError where
  /// waiting could never end: for oneself, or for a task of another loop.
  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    return join(caller.promise());
  }

  std::string waits_for() const override { return target_->label(); }

 protected:
  ~Join() = default;
  bool join(PromiseBase& caller);

  Ref<TaskBlock> target_;
};

/// A handle to a coroutine that a loop owns and runs.
///
/// Copies are handles to the same task. Dropping them all neither stops nor forgets it. `co_await
/// task` waits until it is done and gives its value or throws its error, any number of times and
/// to any number of tasks. The loop resumes those that wait, in the order in which they came, in
/// the turn after the one that ended the task.
template <class T = void>
class Task {
  using Block = TaskBlockOf<T>;

 public:
  using View = typename Result<T>::View;

  /// A handle to nothing, to be assigned to.
  Task() noexcept = default;
  explicit Task(Ref<Block> block) noexcept : block_(std::move(block)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(block_); }

  /// The task's number, for messages. Loops count from 1.
  TaskBlock::Id id() const { return block().id(); }

  /// True once the coroutine has returned or thrown.
  bool done() const { return block().done(); }

  /// The value, or the error thrown. Throws InvalidStateError while the task is not done.
  View result() const& {
    require_done();
    block().mark_retrieved();
    return block().result().get();
  }

  /// Of a handle that goes away, the value itself: as take().
  T result() && { return std::move(*this).take(); }

  /// The value as a thing of one's own: moved out if this is the only handle, else copied. The
  /// handle is one to nothing then. Throws InvalidStateError for a value that can only be moved
  /// while others hold handles to it.
  T take() && {
    require_done();
    const Ref<Block> block = std::move(block_);
    return take_from(*block);
  }

  /// Waits for the end; a `const T&` that is good while any handle is.
  auto operator co_await() const& { return JoinToSee(checked()); }

  /// The same from a handle that goes away, such as `co_await loop.create_task(f())`: gives a T,
  /// as take() does.
  auto operator co_await() && {
    checked();
    return JoinToTake(std::move(block_));
  }

  /// What stands behind the handle, for code that builds on tasks.
  Block& block() const { return *checked(); }

 private:
  class JoinToSee final : public Join {
   public:
    using Join::Join;
    View await_resume() {
      target_->mark_retrieved();
      return static_cast<Block&>(*target_).result().get();
    }
  };

  class JoinToTake final : public Join {
   public:
    using Join::Join;
    T await_resume() { return take_from(static_cast<Block&>(*target_)); }
  };

  static T take_from(Block& block) {
    block.mark_retrieved();
    if (!block.shared()) return block.result().take();
    if constexpr (std::is_void_v<T> || std::is_reference_v<T> || std::is_copy_constructible_v<T>) {
      return block.result().get();
    } else {
      if (block.error()) return block.result().take();
      throw InvalidStateError("the value of " + block.label() +
                              " can only be moved, and others hold handles to the task");
    }
  }

  void require_done() const {
    if (!done()) throw InvalidStateError(block().label() + " has no result yet: it is not done");
  }

  const Ref<Block>& checked() const {
    precondition(static_cast<bool>(block_),
                 "a Task that is asked for something is a handle to something");
    return block_;
  }
  Ref<Block> block_;
};

}  // namespace treadle
