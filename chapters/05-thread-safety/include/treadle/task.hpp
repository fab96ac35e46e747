// task.hpp: Task<T>, a Coro that a loop owns, and the block of memory behind the handle.
//
// A Task is a handle: cheap to copy, and never the reason why the work goes on. The loop holds
// the work until it has ended; handles hold the ending until nobody can ask for it any more. An
// ending that is an error and that nobody ever asked for is reported, not lost.
//
// A task is one chain of coroutines, so at any moment there is one place where it goes on. The
// block knows it, and is itself what lies in the ready queue.
//
// A task can be asked to end. The request is delivered once, as a CancelledError out of the
// co_await where the task waits; a task that does not wait gets it the next time it does, or begins
// an operation on a socket, which then is not tried. What it waited for then has not happened, and
// never half: either the task was woken first, and the request stays for the next wait, or the wait
// is withdrawn, and nothing is left of it.
//
// Invariants
//   1. A task is in one TaskState and goes from one to the next as may_follow() allows. Where it is
//      suspended, it is ready (queued) or it waits, at one suspension.
//   2. The frame is destroyed as soon as the task is done, the ending and the block when the last
//      handle is gone. The loop lets go of a task when it is done; of one that failed, only when
//      nobody can ask for the error any more.
//   3. host_ is there for as long as the inbox is not closed; a handle may outlive its loop.
//   4. cancel_ is a request that has not been delivered. It is thrown once, or dropped.
//   5. The result is set before the state says so, and not changed after.
//
// Thread safety: all that a handle can be asked may be asked from any thread. What is not atomic
// belongs to the loop; others reach it through the inbox. One and the same handle is no more than a
// pointer: two threads need two copies.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "treadle/coro.hpp"
#include "treadle/inbox.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"
#include "treadle/result.hpp"
#include "treadle/wait_list.hpp"

namespace treadle {

class TaskBlock;

/// Where a task stands. The names are of asyncio and of what most schedulers call them.
enum class TaskState : std::uint8_t {
  kPending,    ///< has not taken its first step
  kRunning,    ///< takes a step
  kSuspended,  ///< between two steps: it waits, or is ready to go on
  kFinished,   ///< ended with a value
  kFailed,     ///< ended with an error
  kCancelled,  ///< ended with CancelledError
};

/// The state as a word: `suspended`.
std::string_view to_string(TaskState state) noexcept;

/// True where a task in `state` may get into state `next`.
bool may_follow(TaskState state, TaskState next) noexcept;

/// The loop, as its tasks see it: where the ready ones go, and who is told of an end.
class TaskHost : public CallbackErrors {
 public:
  ReadyQueue& ready() noexcept { return ready_; }

  /// The way to the loop from other threads.
  const Ref<Inbox>& inbox() const noexcept { return inbox_; }

  /// The task that takes a step at the moment; null between steps.
  TaskBlock* current() const noexcept { return current_; }
  void set_current(TaskBlock* task) noexcept { current_ = task; }

  /// `task` is done, and its joiners have been woken. The host lets go of it.
  virtual void task_done(TaskBlock& task) noexcept = 0;

  /// `task` ended with `error`, and nobody can ask for it any more. What this gives says so to whom
  /// it concerns; it is called when no lock is held, and even where the host has gone meanwhile.
  virtual std::function<void()> error_lost(const TaskBlock& task, std::exception_ptr error) = 0;

 protected:
  TaskHost() : inbox_(Ref<Inbox>::adopt(*new Inbox(ready_, this))) {}
  ~TaskHost() = default;

  ReadyQueue ready_;
  const Ref<Inbox> inbox_;

 private:
  TaskBlock* current_ = nullptr;
};

/// What stands behind the handles of one task, whatever its type.
class TaskBlock : public Runnable, public ListLink {
 public:
  using Id = std::uint64_t;

  static constexpr std::uint32_t kOfLoop = 1U << 31;  // the loop's reference, beside the handles'
  static constexpr std::uint32_t kKeepsError = 1U
                                               << 30;  // it has failed, and handles may ask for it
  static constexpr std::uint32_t kHandles = kKeepsError - 1;

  Id id() const noexcept { return id_; }

  /// The task as messages call it: `Task-7`.
  std::string label() const;

  /// See AnyTask::waits_for().
  std::string waits_for() const;

  TaskState state() const noexcept { return state_.load(std::memory_order_acquire); }
  bool done() const noexcept { return state() >= TaskState::kFinished; }

  /// The loop that owns the task. REQUIRES: it is not gone, as where it runs here.
  TaskHost* host() const noexcept { return host_; }

  /// The way to the loop. It is there even where the loop is not.
  const Ref<Inbox>& inbox() const noexcept { return inbox_; }

  /// The task that runs here goes to the end of the ready queue, and `promise` is where it will
  /// go on. It can be cancelled there.
  void yield(PromiseBase& promise) noexcept;

  /// The same for a task whose operation is over and that only lets the others run: what it got
  /// must not be lost, so a cancel stays for the next wait.
  void let_others_run(PromiseBase& promise) noexcept {
    resume_at_ = &promise;
    host_->ready().push(*this);
  }

  /// The task that runs here waits at `suspension`, and `promise` is where it will go on. Where it
  /// has been asked to end, the wait is over before it has begun.
  void wait(PromiseBase& promise, Suspension& suspension) noexcept {
    resume_at_ = &promise;
    waiting_at_ = &suspension;
    if (cancel_) withdraw();
  }

  /// Makes a waiting task ready. REQUIRES: it waits, or is being destroyed: then nothing happens.
  void wake() noexcept {
    inbox_->check_here("a task that waits");
    if (resume_at_ == nullptr) return;  // its own locals may wake it while they go
    precondition(waiting_at_ != nullptr, "only a task that waits can be woken");
    waiting_at_ = nullptr;
    host_->ready().push(*this);
  }

  /// Asks the task to end, and says how. False where it is done. See AnyTask::cancel(). From any
  /// thread.
  bool cancel(CancelledError request);

  /// The same, in the name of whoever asks.
  bool cancel_from_here(std::string reason);

  /// The task that runs here has been asked to end and has not heard it yet. For awaiters that may
  /// be over without a wait.
  bool cancel_pending() const noexcept { return cancel_ != nullptr; }

  /// How many have asked and not taken it back. From any thread.
  std::size_t cancelling() const noexcept { return cancels_asked_; }

  /// See AnyTask::uncancel(). From any thread.
  std::size_t uncancel();

  /// The loop closes and has asked the task to end; it counts those until they have.
  void ask_to_leave() {
    asked_to_leave_ = true;
    cancel(CancelledError({}, CancelOrigin::kLoopClosing));
  }
  bool asked_to_leave() const noexcept { return asked_to_leave_; }

  /// Throws the request out of the co_await behind `promise`, which is where the task goes on.
  [[noreturn]] void throw_cancelled();

  /// Wakes `joiner` when the task is done. REQUIRES: it is not done.
  void add_joiner(Suspension& joiner) noexcept { joiners_.add(joiner); }

  /// Runs `callback` by the loop's ready queue when the task is done. Those of one task run in the
  /// order of these calls. Throws LoopClosedError where the loop is gone.
  /// From any thread.
  void add_done_callback(OwnedRunnable callback);

  /// Runs `runnable` on the loop's thread in the step that ends the task, or at once where it is done.
  /// It wakes somebody who is not of this loop, and throws nothing. False where the loop is closed: then
  /// it was discarded. From any thread.
  bool run_at_end(OwnedRunnable runnable);

  /// Blocks until the task is done, which it is about to be: its loop is closed, and destroys what is
  /// left. From any other thread than the loop's.
  void wait_for_end_with_loop() const noexcept;

  /// Somebody has seen how the task ended, so its error is not lost. From any thread.
  void mark_retrieved() noexcept { retrieved_.store(true, std::memory_order_release); }

  /// The error the task ended with, or null.
  virtual std::exception_ptr error() const noexcept = 0;

  /// Runs until the next suspension or the end.
  void run() final;

  /// Left in the ready queue by a loop that is gone, and whose reference this drops.
  void discard() noexcept final { leave_loop(); }

  /// The loop goes. What has not ended is destroyed where it stands; an error that nobody asked
  /// for is reported.
  void detach() noexcept;

  /// The loop lets go of the task.
  void leave_loop() noexcept { drop(kOfLoop | (references_ & kKeepsError)); }

  /// Of a handle. From any thread.
  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // One word says whether the task failed before the handle went or after: else each side could
    // leave the error to the other.
    std::uint32_t now = references_.load(std::memory_order_acquire);
    while (now != 1) {
      if ((now & kKeepsError) != 0) return release_failed();
      if (references_.compare_exchange_weak(now, now - 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire))
        return;
    }
    delete this;
  }

  /// The task has failed. True where there is a handle, whose owner may ask for the error; then the
  /// last one to go comes to the loop.
  bool keep_error_for_handles() noexcept {
    return (references_.fetch_or(kKeepsError, std::memory_order_acq_rel) & kHandles) > 0;
  }

  /// What tells of an error that nobody has asked for; empty where there is none.
  std::function<void()> lost_error();

  /// True where there is more than one handle. From any thread.
  bool shared() const noexcept {
    return (references_.load(std::memory_order_acquire) & kHandles) > 1;
  }

 protected:
  TaskBlock(TaskHost& host, Id id, Frame frame) noexcept;
  virtual ~TaskBlock() = default;

  /// Moves the ending out of `promise`, before its frame is destroyed.
  virtual void keep_result(PromiseBase& promise) noexcept = 0;

  /// The task ends without its coroutine's having a say.
  virtual void keep_error(std::exception_ptr error) noexcept = 0;

 private:
  void drop(std::uint32_t references) noexcept {
    // Whoever has the only reference there is need not lock the bus to know it.
    if (references_.load(std::memory_order_acquire) == references ||
        references_.fetch_sub(references, std::memory_order_acq_rel) == references)
      delete this;
  }
  void release_failed() noexcept;
  std::function<void()> handle_of_failed_dropped();

  void move_to(TaskState next) noexcept;
  void withdraw() noexcept;
  void interrupt(PromiseBase& promise) noexcept;
  void cancel_here(CancelledError request);
  void finish(TaskState how) noexcept;
  void end_before_first_step() noexcept;
  TaskState how_it_ended() const noexcept;
  std::exception_ptr take_request() noexcept;

  // Fixed at construction.
  const Id id_;
  const Ref<Inbox> inbox_;

  // For every thread.
  std::atomic<std::uint32_t> references_ = kOfLoop + 1;
  std::atomic<TaskState> state_ = TaskState::kPending;  // changed by the loop's thread alone
  std::atomic<bool> retrieved_ = false;
  std::atomic<std::uint32_t> cancels_asked_ = 0;

  // The loop's.
  bool yielded_ = false;     // it is ready because it wants to go on, not because it was woken
  bool delivering_ = false;  // what it waited for was withdrawn, and it has not been told yet
  bool asked_to_leave_ = false;
  std::unique_ptr<CancelledError> cancel_;  // asked for, not delivered yet
  TaskHost* host_;
  Frame frame_;                       // the first coroutine of the chain
  PromiseBase* resume_at_;            // the last one of it, where the task goes on; null: nowhere
  Suspension* waiting_at_ = nullptr;  // what it waits for, if it waits
  WaitList joiners_;                  // who waits for it
  ReadyQueue done_callbacks_;         // what is to run when it is done
  ReadyQueue at_end_;                 // what is run as soon as it is done
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
  void keep_error(std::exception_ptr error) noexcept override {
    result_.set_error(std::move(error));
  }

  Result<T> result_;
};

/// Waits for a task to end. What `co_await task` makes. Cancelled, it leaves the task it waited for
/// alone: others may wait for the same one. (asyncio would cancel that too.)
class Join : public Suspension {
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

/// A callback that waits for the end of a task. `H` is the handle that it is given.
template <class H, class F>
class DoneCallback final : public Runnable {
 public:
  DoneCallback(H task, F f) : task_(std::move(task)), f_(std::move(f)) {}

  void run() override {
    const std::unique_ptr<DoneCallback> self(this);
    if constexpr (std::invocable<F, H>) {
      std::invoke(std::move(f_), std::move(task_));
    } else {
      std::invoke(std::move(f_));
    }
  }
  void discard() noexcept override { delete this; }

 private:
  H task_;
  F f_;
};

/// What can be called when a task is done: with a handle to it, or without.
template <class F, class H>
concept DoneFunction = std::invocable<F, H> || std::invocable<F>;

/// A handle to a task of whatever type: all that can be asked of a task but its value.
class AnyTask {
 public:
  /// A handle to nothing, to be assigned to.
  AnyTask() noexcept = default;
  explicit AnyTask(Ref<TaskBlock> block) noexcept : block_(std::move(block)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(block_); }

  /// Two handles are equal if both refer to the same task, or both to none.
  bool operator==(const AnyTask& other) const noexcept { return address() == other.address(); }

  /// The task's number, for messages. Loops count from 1.
  TaskBlock::Id id() const { return block().id(); }

  /// The task as messages call it: `Task-7`.
  std::string label() const { return block().label(); }

  TaskState state() const { return block().state(); }

  /// True once the task has ended, in whichever way.
  bool done() const { return block().done(); }

  /// True where it has ended with CancelledError.
  bool cancelled() const { return state() == TaskState::kCancelled; }

  /// What the task waits for; empty while it is ready, running or done.
  ///
  /// Asked from another thread than the loop's, it blocks that thread until the loop has a turn to
  /// answer in; TimeoutError if a step does not end. On a thread that runs another loop it throws InvalidStateError: what blocks a loop's
  /// thread keeps all of its tasks waiting.
  std::string waits_for() const { return block().waits_for(); }

  /// The error the task ended with, null where it ended with a value. Throws InvalidStateError while
  /// it is not done, and its CancelledError where it was cancelled.
  std::exception_ptr exception() const;

  /// Asks the task to end. False, and nothing happens, where it is done already.
  ///
  /// The request is delivered as CancelledError, thrown out of the co_await at which the task waits;
  /// its next turn is the next of the loop. What it waited for is withdrawn at once, and as if it
  /// had never been waited for. Whoever cleans up may await in doing so.
  ///
  /// A task that has been woken, and only has not run yet, keeps what it was woken with, and a task
  /// that runs goes on: both get the request where they wait next, at their next operation on a
  /// socket, or at their next yield_now(). So a task may cancel itself. One that has not taken its
  /// first step never will: its arguments are destroyed, its body does not run.
  ///
  /// Asked several times before that, the task hears it once, with the first one's reason, and
  /// cancelling() counts. A task that catches CancelledError and goes on has refused, and may be
  /// asked again.
  ///
  /// Asked from another thread, the loop hears it in its next turn; true then means that the task was
  /// not done when it was asked.
  bool cancel(std::string reason = {}) const { return block().cancel_from_here(std::move(reason)); }

  /// How many times the task has been asked to end, less what was taken back. It tells a task whether
  /// somebody wants it to end, or whether a CancelledError comes from a task it waited for.
  std::size_t cancelling() const { return block().cancelling(); }

  /// Takes back one request, and gives how many are left. When none is left, one that has not been
  /// delivered is dropped; but a task whose wait was withdrawn for it already hears of it, as what it
  /// waited for is gone. For those who cancel a task to their own ends, such as a timeout.
  std::size_t uncancel() const { return block().uncancel(); }

  /// Runs `f`, with this handle or without, once the task is done: in the turn after, or in the next
  /// one where it is done already. Those of one task run in the order of these calls, after the tasks
  /// that wait for it. What it throws goes to the exception handler.
  template <DoneFunction<AnyTask> F>
  void add_done_callback(F f) const {
    add(*this, std::move(f));
  }

  /// What stands behind the handle, for code that builds on tasks.
  TaskBlock& block() const noexcept { return *checked(); }

 protected:
  template <class H, class F>
  void add(H task, F f) const {
    block().add_done_callback(OwnedRunnable(new DoneCallback<H, F>(std::move(task), std::move(f))));
  }

  const Ref<TaskBlock>& checked() const noexcept {
    precondition(static_cast<bool>(block_),
                 "a Task that is asked for something is a handle to something");
    return block_;
  }

  const TaskBlock* address() const noexcept { return block_ ? &*block_ : nullptr; }

  Ref<TaskBlock> block_;
};

/// A handle to a coroutine that a loop owns and runs.
///
/// Copies are handles to the same task. Dropping them all neither stops nor forgets it. `co_await
/// task` waits until it is done and gives its value or throws its error, any number of times and
/// to any number of tasks. The loop resumes those that wait, in the order in which they came, in
/// the turn after the one that ended the task.
template <class T = void>
class Task : public AnyTask {
  using Block = TaskBlockOf<T>;

 public:
  using View = typename Result<T>::View;

  /// A handle to nothing, to be assigned to.
  Task() noexcept = default;
  explicit Task(Ref<Block> block) noexcept : AnyTask(std::move(block)) {}

  /// See AnyTask::add_done_callback(); `f` is given a Task<T>.
  template <DoneFunction<Task> F>
  void add_done_callback(F f) const {
    add(*this, std::move(f));
  }

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
    const Ref<TaskBlock> block = std::move(block_);
    return take_from(static_cast<Block&>(*block));
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
  Block& block() const noexcept { return static_cast<Block&>(AnyTask::block()); }

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
};

/// What get_current_task() makes.
class CurrentTask {
 public:
  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    task_ = AnyTask(Ref<TaskBlock>(caller.promise().task()));
    return false;
  }
  AnyTask await_resume() noexcept { return std::move(task_); }

 private:
  AnyTask task_;
};

/// The task that runs the coroutine that asks: `AnyTask self = co_await get_current_task();`. Never
/// suspends.
[[nodiscard]] inline CurrentTask get_current_task() noexcept { return {}; }

}  // namespace treadle
