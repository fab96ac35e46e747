// task.hpp: Task<T>, a Coro that a loop owns, and the block of memory behind the handle.
//
// A Task is a handle: cheap to copy, and never the reason why the work goes on. The loop holds
// the work until it has ended; Task<T> handles own the ending until the last of them is gone. An
// ending that is an error and that no owner ever asked for is reported, not lost.
//
// An AnyTask observes. It keeps the block, so that it can always be asked, and owns nothing: with it
// or without it the program does the same.
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
//   2. The frame is destroyed as soon as the task is done; the value when the last owner is gone, or
//      at once if there is none; the block with the last reference of whatever kind. The loop lets go
//      of a task when it is done; of one that failed, only when no owner can ask for the error.
//   3. host_ is there for as long as the inbox is not closed; a handle may outlive its loop.
//   4. A request is delivered once, together with all others that were not, or it is taken back.
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
#include <tuple>
#include <type_traits>
#include <utility>

#include "treadle/cancel_requests.hpp"
#include "treadle/completion.hpp"
#include "treadle/coro.hpp"
#include "treadle/inbox.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"
#include "treadle/result.hpp"
#include "treadle/suspension.hpp"
#include "treadle/task_references.hpp"

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

/// A completion on its way to the list of a task. Destroyed before it is there, it is told at once: the
/// loop is closed, and the task with it.
struct TellDone {
  Ref<TaskBlock> task;
  void operator()(Completion* completion) const noexcept { completion->on_done(*task); }
};
using OwnedCompletion = std::unique_ptr<Completion, TellDone>;

class DoneCallback;

/// A callback on its way to the list of a task. Destroyed before it is there, it never runs.
using OwnedCallback = std::unique_ptr<DoneCallback, Discard>;

/// What stands behind the handles of one task, whatever its type.
class TaskBlock : public Runnable, public ListLink {
 public:
  using Id = std::uint64_t;

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
    if (requests_.pending()) withdraw();
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

  /// The same with a token. False also if the token has a request already.
  bool cancel(CancelledError request, CancelToken& token);

  /// The same, in the name of whoever asks.
  bool cancel_from_here(std::string reason);

  /// The task that runs here has been asked to end and has not heard it yet. For awaiters that may
  /// be over without a wait.
  bool cancel_pending() const noexcept { return requests_.pending(); }

  /// What it was asked. From any thread.
  const CancelRequests& requests() const noexcept { return requests_; }

  /// See AnyTask::uncancel(). From any thread.
  std::size_t uncancel();
  std::size_t uncancel(CancelToken& token);

  /// The loop closes and has asked the task to end; it counts those until they have.
  void ask_to_leave() {
    asked_to_leave_ = true;
    cancel(CancelledError({}, CancelOrigin::kLoopClosing));
  }
  bool asked_to_leave() const noexcept { return asked_to_leave_; }

  /// The task is told: gives what is to be thrown.
  CancelledError take_cancel() noexcept { return requests_.deliver(); }

  /// `error` leaves a coroutine of the task: gives what goes on in its place.
  std::exception_ptr read_again(std::exception_ptr error) noexcept {
    return requests_.read_again(std::move(error));
  }

  /// Tells `completion` when the task is done, in the order of these calls; at once if it is done.
  void add_completion(Completion& completion) noexcept {
    if (done()) return completion.on_done(*this);
    completions_.push_back(completion);
  }

  /// The same from any thread. False if the loop is closed: then the completion has been told, and the
  /// task is done or about to be.
  bool add_completion_threadsafe(OwnedCompletion completion);

  /// The same for a callback, which needs a loop that runs it. Throws LoopClosedError if that is gone.
  /// From any thread.
  void add_done_callback(OwnedCallback callback);

  /// Blocks until the task is done, which it is about to be: its loop is closed, and destroys what is
  /// left. From any other thread than the loop's.
  void wait_for_end_with_loop() const noexcept;

  /// An owner has seen how the task ended, so its error is not lost. From any thread.
  void mark_retrieved() noexcept { retrieved_.store(true, std::memory_order_release); }

  /// The error the task ended with, or null.
  virtual std::exception_ptr error() const noexcept = 0;

  /// See TaskHandle::exception().
  std::exception_ptr ending_error() const;

  /// Runs until the next suspension or the end.
  void run() final;

  /// Left in the ready queue by a loop that is gone, and whose reference this drops.
  void discard() noexcept final { leave_loop(); }

  /// The loop goes, and what has not ended is destroyed where it waits.
  void detach() noexcept;

  /// The loop lets go of the task, which is done. An ending that has no owner goes with it.
  void leave_loop() noexcept {
    if (references_.leave_to_owners()) return;
    drop_value();
    if (references_.drop_loop()) delete this;
  }

  /// The task has failed. True if it has an owner, which may ask for the error; the last one that
  /// goes comes to the loop then.
  bool leave_error_to_owners() noexcept { return references_.mark_done(); }

  /// What reports an error that no owner has asked for; empty if there is none.
  std::function<void()> lost_error();

  /// A reference keeps the block, and nothing else. TaskBlockOf<T> counts its own: owners. From any
  /// thread.
  void retain() noexcept { references_.add(); }
  void release() noexcept {
    if (references_.drop()) delete this;
  }

 protected:
  TaskBlock(TaskHost& host, Id id, Frame frame) noexcept;
  virtual ~TaskBlock() = default;

  /// Moves the ending out of `promise`, before its frame is destroyed.
  virtual void keep_result(PromiseBase& promise) noexcept = 0;

  /// The task ends without its coroutine's having a say.
  virtual void keep_error(std::exception_ptr error) noexcept = 0;

  /// Destroys the value, if there is one.
  virtual void drop_value() noexcept = 0;

  void add_owner() noexcept { references_.add_owner(); }
  void drop_owner() noexcept {
    switch (references_.drop_owner()) {
      case TaskReferences::Dropped::kOthers:
        return;
      case TaskReferences::Dropped::kLast:
        delete this;
        return;
      case TaskReferences::Dropped::kLastOwner:
        return abandon_ending();
    }
  }

  /// True if the ending has more than one owner. From any thread.
  bool has_several_owners() const noexcept { return references_.shared(); }

 private:
  void move_to(TaskState next) noexcept;
  void withdraw() noexcept;
  void interrupt(PromiseBase& promise) noexcept;
  bool send_cancel();
  void send_settle();
  void deliver_cancel() noexcept;
  void finish(TaskState how) noexcept;
  void end_before_first_step() noexcept;
  TaskState how_it_ended() const noexcept;
  void run_completions() noexcept;
  void abandon_ending() noexcept;
  void abandon_failed() noexcept;
  std::function<void()> abandon_error();

  // Fixed at construction.
  const Id id_;
  const Ref<Inbox> inbox_;

  // For every thread.
  TaskReferences references_;
  std::atomic<TaskState> state_ = TaskState::kPending;  // changed by the loop's thread alone
  std::atomic<bool> retrieved_ = false;

  // The loop's.
  bool yielded_ = false;  // it is ready because it wants to go on, not because it was woken
  bool asked_to_leave_ = false;
  CancelRequests requests_;
  TaskHost* host_;
  Frame frame_;                       // the first coroutine of the chain
  PromiseBase* resume_at_;            // the last one of it, where the task goes on; null: nowhere
  Suspension* waiting_at_ = nullptr;  // what it waits for, if it waits
  IntrusiveList<Completion> completions_;  // what is told when it is done, first come, first told
};

/// The block of a task that ends with a T. A Ref<TaskBlockOf<T>> owns the ending; a Ref<TaskBlock> to
/// the same block keeps the block.
template <class T>
class TaskBlockOf final : public TaskBlock {
 public:
  TaskBlockOf(TaskHost& host, Id id, Frame frame) noexcept
      : TaskBlock(host, id, std::move(frame)) {}

  Result<T>& result() noexcept { return result_; }
  std::exception_ptr error() const noexcept override { return result_.error(); }

  void retain() noexcept { add_owner(); }
  void release() noexcept { drop_owner(); }

  /// True if the ending has more than one owner. From any thread.
  bool shared() const noexcept { return has_several_owners(); }

 private:
  void keep_result(PromiseBase& promise) noexcept override {
    result_.take_over(static_cast<Promise<T>&>(promise).result());
  }
  void keep_error(std::exception_ptr error) noexcept override {
    result_.set_error(std::move(error));
  }
  void drop_value() noexcept override { result_.drop_value(); }

  Result<T> result_;
};

/// Waits for a task to end. What `co_await task` makes. Cancelled, it leaves the task it waited for
/// alone: others may wait for the same one. (asyncio would cancel that too.)
class Join : private Completion, public Suspension {
 public:
  bool await_ready() const noexcept { return false; }
  std::string waits_for() const override { return target_.label(); }
  void withdraw() noexcept override { Completion::unlink(); }

 protected:
  explicit Join(TaskBlock& target) noexcept : target_(target) {}
  ~Join() = default;

  /// False, to go on at once, if the task is done already. Throws InvalidStateError if waiting could
  /// never end: for oneself, or for a task of another loop.
  bool join(PromiseBase& caller);

 private:
  void on_done(TaskBlock& /*task*/) noexcept override { wake(); }

  TaskBlock& target_;
};

/// The same with a reference to the task, which says what is kept meanwhile: of a TaskBlockOf<T> the
/// value, of a TaskBlock the block.
template <class Block>
class JoinWith : public Join {
 public:
  explicit JoinWith(Ref<Block> task) noexcept : Join(*task), task_(std::move(task)) {}

  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    return join(caller.promise());
  }

 protected:
  ~JoinWith() = default;

  Ref<Block> task_;
};

/// Waits for the end, and does not ask how it came.
class Finished final : public JoinWith<TaskBlock> {
 public:
  using JoinWith::JoinWith;
  void await_resume() const noexcept {}
};

/// A callback that waits for the end of a task, and then for its turn in the ready queue.
class DoneCallback : public Completion, public Runnable {
 public:
  void on_done(TaskBlock& task) noexcept final { task.host()->ready().push(*this); }
  void discard() noexcept final { delete this; }

 protected:
  virtual ~DoneCallback() = default;
};

/// One that calls an F with the handle `H`.
template <class F, class... H>
class DoneCallbackOf final : public DoneCallback {
 public:
  explicit DoneCallbackOf(F f, H... task) : f_(std::move(f)), task_(std::move(task)...) {}

  void run() override {
    const std::unique_ptr<DoneCallbackOf> self(this);
    std::apply(std::move(f_), std::move(task_));
  }

 private:
  F f_;
  std::tuple<H...> task_;
};

/// What can be called when a task is done: with a handle to it, or without.
template <class F, class H>
concept DoneFunction = std::invocable<F, H> || std::invocable<F>;

/// All that can be asked of a task of whatever type but its value. `Block` says what the handle keeps.
template <class Block>
class TaskHandle {
 public:
  explicit operator bool() const noexcept { return static_cast<bool>(block_); }

  /// Two handles are equal if both refer to the same task, or both to none.
  template <class Other>
  bool operator==(const TaskHandle<Other>& other) const noexcept {
    return address() == other.address();
  }

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

  /// The error the task ended with, null if it ended with a value. Throws InvalidStateError while it
  /// is not done, and its CancelledError if it was cancelled.
  std::exception_ptr exception() const { return block().ending_error(); }

  /// Waits until the task is done, however it ends: `co_await task.finished()`. It can be cancelled, and
  /// leaves the task alone then.
  Finished finished() const { return Finished(Ref<TaskBlock>(block())); }

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

  /// The same with all that is known of the request, and a token by which it can be taken back.
  /// Allocates nothing on the loop's thread. False, and nothing happens, also if the token has a request
  /// already.
  bool cancel(CancelledError request, CancelToken& token) const {
    return block().cancel(std::move(request), token);
  }

  /// How many times the task has been asked to end, less what was taken back. It tells a task whether
  /// somebody wants it to end, or whether a CancelledError comes from a task it waited for.
  std::size_t cancelling() const { return block().requests().count(); }

  /// How many times the task has been told, by a CancelledError, that it is to end.
  std::uint32_t cancel_deliveries() const { return block().requests().deliveries(); }

  /// How many requests there are besides those of which the task had been told when
  /// cancel_deliveries() was `deliveries`. A timeout asks at its end, when it has taken back its own
  /// request, with the number that it noted at its beginning: if there is one, the CancelledError in
  /// flight is not the timeout's.
  std::size_t cancelling_since(std::uint32_t deliveries) const {
    return block().requests().count_since(deliveries);
  }

  /// Takes back the newest request without a token, and gives how many are left. When the last one is
  /// taken back that has not been delivered, none is; but a task whose wait was withdrawn for it
  /// already hears of it, because what it waited for is gone. For code that cancels a task for its own purpose.
  ///
  /// A CancelledError whose request was taken back, and that is thrown on, becomes that of the oldest
  /// request that is left, as soon as it leaves a coroutine.
  std::size_t uncancel() const { return block().uncancel(); }

  /// The same for the request of `token`; takes back nothing if it has none, or one of another task.
  std::size_t uncancel(CancelToken& token) const { return block().uncancel(token); }

  /// What is behind the handle, for code that builds on tasks.
  Block& block() const noexcept { return *checked(); }

  /// Where the block is; null for a handle to nothing.
  const TaskBlock* address() const noexcept { return block_ ? &*block_ : nullptr; }

 protected:
  TaskHandle() noexcept = default;
  explicit TaskHandle(Ref<Block> task) noexcept : block_(std::move(task)) {}
  ~TaskHandle() = default;
  TaskHandle(const TaskHandle&) = default;
  TaskHandle& operator=(const TaskHandle&) = default;
  TaskHandle(TaskHandle&&) noexcept = default;
  TaskHandle& operator=(TaskHandle&&) noexcept = default;

  template <class F, class... H>
  void add(F f, H... task) const {
    block().add_done_callback(
        OwnedCallback(new DoneCallbackOf<F, H...>(std::move(f), std::move(task)...)));
  }

  const Ref<Block>& checked() const noexcept {
    precondition(static_cast<bool>(block_),
                 "a Task that is asked for something is a handle to something");
    return block_;
  }

  Ref<Block> block_;
};

/// A handle that observes a task of whatever type: it owns neither the task nor what it ends with. A
/// Task<T> becomes one wherever an AnyTask is asked for.
class AnyTask : public TaskHandle<TaskBlock> {
 public:
  /// A handle to nothing, to be assigned to.
  AnyTask() noexcept = default;
  explicit AnyTask(Ref<TaskBlock> task) noexcept : TaskHandle(std::move(task)) {}

  template <class Block>
  AnyTask(const TaskHandle<Block>& task) noexcept
      : TaskHandle(task ? Ref<TaskBlock>(task.block()) : Ref<TaskBlock>()) {}

  /// Runs `f`, with this handle or without, once the task is done: in the turn after, or in the next
  /// one if it is done already. Tasks that wait and callbacks have one order: that in which they came.
  /// What it throws goes to the exception handler.
  template <DoneFunction<AnyTask> F>
  void add_done_callback(F f) const {
    if constexpr (std::invocable<F, AnyTask>) {
      add(std::move(f), *this);
    } else {
      add(std::move(f));
    }
  }
};

/// True for an F that says of itself that an AnyTask will do. One that takes `auto` says nothing, and
/// to ask it would compile its body.
template <class F>
concept ObservingFunction = (requires { &F::operator(); } ||
                             std::is_pointer_v<F>)&&std::invocable<F, AnyTask>;

/// A handle to a coroutine that a loop owns and runs.
///
/// Copies are handles to the same task. Dropping them all neither stops nor forgets it. `co_await
/// task` waits until it is done and gives its value or throws its error, any number of times and
/// to any number of tasks. The loop resumes those that wait, in the order in which they came, in
/// the turn after the one that ended the task.
template <class T = void>
class Task : public TaskHandle<TaskBlockOf<T>> {
  using Block = TaskBlockOf<T>;
  using Handle = TaskHandle<Block>;

 public:
  using View = typename Result<T>::View;

  /// A handle to nothing, to be assigned to.
  Task() noexcept = default;
  explicit Task(Ref<Block> task) noexcept : Handle(std::move(task)) {}

  using Handle::block;

  /// See TaskHandle::exception(). The error is not lost then.
  std::exception_ptr exception() const {
    auto error = block().ending_error();
    block().mark_retrieved();
    return error;
  }

  /// See AnyTask::add_done_callback(). A callback that takes a Task<T> owns the ending until it has run,
  /// as every Task does; one that takes an AnyTask, or nothing, only observes.
  template <DoneFunction<Task> F>
  void add_done_callback(F f) const {
    if constexpr (std::invocable<F>) {
      this->add(std::move(f));
    } else if constexpr (ObservingFunction<F>) {
      this->add(std::move(f), AnyTask(*this));
    } else {
      this->add(std::move(f), *this);
    }
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
    const Ref<Block> task = std::move(this->block_);
    return take_from(*task);
  }

  /// Waits for the end; a `const T&` that is good while any handle is.
  auto operator co_await() const& { return JoinToSee(this->checked()); }

  /// The same from a handle that goes away, such as `co_await loop.create_task(f())`: gives a T,
  /// as take() does.
  auto operator co_await() && {
    this->checked();
    return JoinToTake(std::move(this->block_));
  }

 private:
  class JoinToSee final : public JoinWith<Block> {
   public:
    using JoinWith<Block>::JoinWith;
    View await_resume() {
      this->task_->mark_retrieved();
      return this->task_->result().get();
    }
  };

  class JoinToTake final : public JoinWith<Block> {
   public:
    using JoinWith<Block>::JoinWith;
    T await_resume() { return take_from(*this->task_); }
  };

  static T take_from(Block& task) {
    task.mark_retrieved();
    if (!task.shared()) return task.result().take();
    if constexpr (std::is_void_v<T> || std::is_reference_v<T> || std::is_copy_constructible_v<T>) {
      return task.result().get();
    } else {
      if (task.error()) return task.result().take();
      throw InvalidStateError("the value of " + task.label() +
                              " can only be moved, and others hold handles to the task");
    }
  }

  void require_done() const {
    if (!this->done())
      throw InvalidStateError(block().label() + " has no result yet: it is not done");
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

namespace std {

/// Handles to the same task have the same hash.
template <>
struct hash<treadle::AnyTask> {
  size_t operator()(const treadle::AnyTask& task) const noexcept {
    return hash<const treadle::TaskBlock*>()(task.address());
  }
};

}  // namespace std
