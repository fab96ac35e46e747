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
//   6. Of what is rare (a name, context, times, done callbacks) the block holds one pointer, null until
//      it is needed.
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
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "treadle/context_storage.hpp"
#include "treadle/coro.hpp"
#include "treadle/inbox.hpp"
#include "treadle/metrics.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"
#include "treadle/result.hpp"
#include "treadle/stack_entry.hpp"
#include "treadle/step_watch.hpp"
#include "treadle/task_record.hpp"
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

  /// Who wants to know of each step; null where nobody does.
  StepWatch* step_watch() const noexcept { return step_watch_; }
  void set_step_watch(StepWatch* watch) noexcept { step_watch_ = watch; }

  /// True where errors are to be reported with all that is known of them.
  virtual bool debug() const noexcept = 0;

  virtual Clock::time_point time() const noexcept = 0;

  /// Something is wrong that is nobody's to catch. `about` may be null.
  virtual void report(std::string what, std::exception_ptr why,
                      const TaskBlock* about) noexcept = 0;

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
  StepWatch* step_watch_ = nullptr;
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

  /// The task as messages call it: its name, or else `Task-7`. From any thread.
  std::string label() const;

  /// From any thread.
  void set_name(std::string_view name) { record().set_name(name); }

  /// The call that made the task.
  const std::source_location& made_at() const noexcept { return made_at_; }

  /// What the task remembers, as task_record.hpp says. From any thread.
  void set_context(std::string_view key, ContextStorage::Value value) {
    record().set_context(key, std::move(value));
  }
  ContextStorage::Value context(std::string_view key) const;
  ContextStorage::List context() const;

  /// Null where the loop keeps no times.
  TaskTimes* times() const noexcept {
    TaskRecord* record = record_or_null();
    return record != nullptr ? record->times() : nullptr;
  }
  /// From `now` on. Where there is no memory for them, none are kept.
  void keep_times(Clock::time_point now) noexcept;

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

  /// What it waits at; null where it does not wait.
  const Suspension* waiting_at() const noexcept { return waiting_at_; }

  /// Where the innermost of its coroutines stands. REQUIRES: it is pending or suspended.
  const std::source_location& where() const noexcept { return resume_at_->where(); }

  /// Where each of its coroutines stands. See AnyTask::stack().
  AwaitChain chain() const;

  /// The error that is being handled leaves the coroutine behind `promise`.
  void note_escape(const PromiseBase& promise) noexcept;

  /// What it has cost up to `now`.
  TaskMetrics metrics() const;

  /// Who waits for it to end, in order of arrival.
  template <class F>
  void for_each_joiner(F&& visit) const {
    joiners_.for_each([&](const Suspension& joiner) { visit(joiner.task()); });
  }

  /// Makes a waiting task ready. REQUIRES: it waits, or is being destroyed: then nothing happens.
  void wake() noexcept {
    inbox_->check_here("a task that waits");
    if (resume_at_ == nullptr) return;  // its own locals may wake it while they go
    precondition(waiting_at_ != nullptr, "only a task that waits can be woken");
    waiting_at_ = nullptr;
    make_ready();
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

  /// The same for a handle that was only lent: another is there still.
  void take_back_lent() noexcept { references_.fetch_sub(1, std::memory_order_release); }

  /// What tells of an error that nobody has asked for; empty where there is none.
  std::function<void()> lost_error();

  /// True where there is more than one handle. From any thread.
  bool shared() const noexcept {
    return (references_.load(std::memory_order_acquire) & kHandles) > 1;
  }

 protected:
  TaskBlock(TaskHost& host, Frame&& frame, const std::source_location& made_at) noexcept;
  virtual ~TaskBlock() {
    if (record_or_null() != nullptr) [[unlikely]]
      delete_record();
  }

  /// Moves the ending out of `promise`, before its frame is destroyed. True where it is a value.
  virtual bool keep_result(PromiseBase& promise) noexcept = 0;

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
  void make_ready() noexcept {
    host_->ready().push(*this);
    if (StepWatch* watch = host_->step_watch()) [[unlikely]]
      watch->woken(*this);
  }
  TaskRecord& record();
  TaskRecord* record_or_null() const noexcept { return record_.load(std::memory_order_acquire); }
  static AwaitChain chain_from(const PromiseBase& innermost, std::size_t most);
  void withdraw() noexcept;
  void interrupt(PromiseBase& promise) noexcept;
  void cancel_here(CancelledError request);
  void end() noexcept;
  void finish(TaskState how) noexcept;

  // What is rare: never part of its callers, whose quick way needs the registers.
  [[gnu::cold, gnu::noinline]] void end_before_first_step() noexcept;
  [[gnu::cold, gnu::noinline]] TaskState how_it_failed() const noexcept;
  [[gnu::cold, gnu::noinline]] void forget_error() noexcept;
  [[gnu::cold, gnu::noinline]] void call_back(TaskRecord& record) noexcept;
  [[gnu::cold, gnu::noinline]] void delete_record() noexcept;
  std::exception_ptr take_request() noexcept;

  // Fixed at construction.
  const Id id_;
  const Ref<Inbox> inbox_;
  const std::source_location made_at_;

  // For every thread.
  std::atomic<std::uint32_t> references_ = kOfLoop + 1;
  std::atomic<TaskState> state_ = TaskState::kPending;  // changed by the loop's thread alone
  std::atomic<bool> retrieved_ = false;
  std::atomic<std::uint32_t> cancels_asked_ = 0;
  std::atomic<TaskRecord*> record_ = nullptr;  // ours, once it is there

  // The loop's.
  bool yielded_ = false;     // it is ready because it wants to go on, not because it was woken
  bool delivering_ = false;  // what it waited for was withdrawn, and it has not been told yet
  bool asked_to_leave_ = false;
  bool error_noted_ = false;  // in this step
  std::uint32_t suspends_ = 0;
  std::unique_ptr<CancelledError> cancel_;  // asked for, not delivered yet
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
  TaskBlockOf(TaskHost& host, Frame&& frame, const std::source_location& made_at) noexcept
      : TaskBlock(host, std::move(frame), made_at) {}

  Result<T>& result() noexcept { return result_; }
  std::exception_ptr error() const noexcept override { return result_.error(); }

 private:
  bool keep_result(PromiseBase& promise) noexcept override {
    result_.take_over(static_cast<Promise<T>&>(promise).result());
    return result_.has_value();
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
  explicit Join(Ref<TaskBlock>&& task) noexcept : kept_(std::move(task)), target_(*kept_) {}

  /// Keeps the task only where it has to wait: until then, whoever awaits has the handle in hand.
  explicit Join(TaskBlock& task) noexcept : target_(task) {}

  bool await_ready() const noexcept { return false; }

  /// False, to go on at once, where the task is done already. Throws InvalidStateError where
  /// waiting could never end: for oneself, or for a task of another loop.
  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    if (target_.done()) return false;
    if (!kept_) kept_ = Ref<TaskBlock>(target_);
    return join(caller.promise());
  }

  std::string waits_for() const override { return target_.label(); }
  WaitReason reason() const noexcept override { return WaitReason::kJoin; }
  const TaskBlock* awaited_task() const noexcept override { return &target_; }

 protected:
  ~Join() = default;
  bool join(PromiseBase& caller);

  Ref<TaskBlock> kept_;
  TaskBlock& target_;
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

  /// The task's number, which no other task of the process has or had. The first is 1.
  TaskBlock::Id id() const { return block().id(); }

  /// The task as messages call it: its name.
  std::string label() const { return block().label(); }

  /// What create_task() or set_name() called it; `Task-7`, by its number, where neither has.
  std::string name() const { return block().label(); }
  void set_name(std::string_view name) const { block().set_name(name); }

  /// The call that made the task.
  std::source_location created_at() const { return block().made_at(); }

  /// Remembers `value` under `key` as long as the task is known, for whoever looks at the task:
  /// `task.add_context("user_id", 12345)`. Any value that fmt can print, or text. It takes the place of
  /// one that was there before.
  template <ContextType T>
  void add_context(std::string_view key, T value) const {
    using Kept = ContextTypeOf<T>;
    block().set_context(key, std::make_shared<ContextValueOf<Kept>>(Kept(std::move(value))));
  }

  /// A copy of what is under `key`, none where nothing is. Throws InvalidStateError where it is of
  /// another type than T.
  template <ContextType T>
  std::optional<ContextTypeOf<T>> context(std::string_view key) const;

  /// All keys and values as text, in the order of the keys.
  ContextStorage::List context() const { return block().context(); }

  /// What the task has cost so far. Asked from another thread as waits_for(), but that it gives up
  /// after a while: TimeoutError where the loop takes a step that does not end.
  TaskMetrics metrics() const;

  /// Where the task stands: its coroutines from the first to the one that waits, each with the line of
  /// its co_await. Of a task that has failed, where its error came from, as far as its frames knew. Of
  /// one that takes a step the first coroutine only, of one that has ended otherwise nothing. Asked as
  /// metrics().
  std::vector<StackEntry> stack() const;

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
  template <class F>
  auto look(F f) const;

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

template <ContextType T>
std::optional<ContextTypeOf<T>> AnyTask::context(std::string_view key) const {
  using Kept = ContextTypeOf<T>;
  const ContextStorage::Value value = block().context(key);
  if (!value) return std::nullopt;
  const auto* kept = dynamic_cast<const ContextValueOf<Kept>*>(value.get());
  if (kept == nullptr) {
    throw InvalidStateError("the context of " + label() + " has another type under \"" +
                            std::string(key) + "\" than was asked for");
  }
  return kept->value();
}

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
  auto operator co_await() const& { return JoinToSee(block()); }

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
      target_.mark_retrieved();
      return static_cast<Block&>(target_).result().get();
    }
  };

  class JoinToTake final : public Join {
   public:
    using Join::Join;
    T await_resume() { return take_from(static_cast<Block&>(target_)); }
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

/// What a task has become since it has a name, a memory and a bill: the same thing.
template <class T = void>
using EnhancedTask = Task<T>;

/// The next task of the process is number 1. For tests, which compare whole traces. REQUIRES: no task
/// lives.
void restart_task_ids() noexcept;

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
