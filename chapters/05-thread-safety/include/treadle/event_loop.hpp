// event_loop.hpp: the loop, which owns tasks and runs them one step at a time.
//
// All of it is one idea: a queue of what can run, and a turn that runs what was in it when the
// turn began. What becomes ready during a turn runs in the next one, so nobody can keep the
// others from running by making himself ready again and again, and the order of a program's steps
// can be read off the program.
//
// Where nothing can run, the thread sleeps until the next deadline or until a descriptor is
// ready. A turn puts those that got what they wanted of a descriptor at the end of the ready
// queue, behind them those whose time has come,
// and then all that are ready run.
//
// A loop stops running in one of three ways: it has done what it was asked for, it was told to
// stop(), or nothing is left that could ever run. The last is no reason to wait for ever: it is said.
// A process that has threads may have one that brings something. There it is said, and waited for:
// see WhenStuck.
//
// A loop ends by close(): what is left is cancelled and runs to its end, within a grace period. Only
// what refuses is destroyed where it stands, and is reported.
//
// Invariants
//   1. Every task that is not done is in tasks_, and the loop holds a reference to it.
//   2. Nothing runs outside a turn, and one thread runs at most one loop at a time.
//   3. create_task() and call_soon() run nothing themselves.
//   4. A loop that is closed has no tasks and no callbacks, and takes on none.
//   5. The wake-up is in the poller from the first to the last.
//
// Thread safety: every function may be called from any thread, but for those that run or close the
// loop, which one thread does at a time, and those for who writes awaiters. What belongs to the loop
// is touched by the thread that runs it, without a lock; others leave it an errand in the inbox, and
// it comes to that in its next turn. Where nobody runs the loop, whoever comes does it himself.
//
// fork(2): a loop is its process's. In a child, the loops that were made before count as closed:
// LoopClosedError. A loop that is destroyed there destroys its tasks, and runs and reports nothing. A child leaves by exec(3) or _exit(2), or makes a loop of its own; it may do so in a
// step of its parent's loop too, to which it does not return.
// Source: asyncio's BaseEventLoop, for names and meaning; os.register_at_fork() of its child.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "treadle/call.hpp"
#include "treadle/clock.hpp"
#include "treadle/errors.hpp"
#include "treadle/inbox.hpp"
#include "treadle/io_budget.hpp"
#include "treadle/loop_options.hpp"
#include "treadle/poller.hpp"
#include "treadle/scheduled_call.hpp"
#include "treadle/signals.hpp"
#include "treadle/task.hpp"
#include "treadle/timer_heap.hpp"

namespace treadle {

/// What an exception handler is told. The name of the idea is asyncio's
/// `call_exception_handler(context)`.
struct ErrorContext {
  std::string message;  ///< What went wrong, in a sentence: `Task-3 failed and nobody awaited it`.
  std::exception_ptr error;   ///< The error itself; null where there is none.
  std::string task;           ///< The task it is about: `Task-3`. Empty where it is about none.
  TaskBlock::Id task_id = 0;  ///< Its number; 0 where it is about none.
  std::string operation;      ///< What failed, of an OperationError: `recv from 127.0.0.1:40312`.

  ErrorContext(std::string what, std::exception_ptr why) noexcept
      : message(std::move(what)), error(std::move(why)) {}
  ErrorContext(std::string what, std::exception_ptr why, const TaskBlock& about);
};

/// What a loop can call later. A function that gives a Coro is none: calling it would run nothing.
/// Make a task of what it gives.
template <class F>
concept CallbackFunction = std::invocable<F> && !requires(std::invoke_result_t<F> made) {
  std::move(made).operator co_await();
};

/// The message with the error behind it, on one line.
inline std::string describe(const ErrorContext& context) {
  if (!context.error) return context.message;
  return context.message + ": " + describe(context.error);
}

class ThreadSafeEventLoop;

/// The short name, and the first it had.
using EventLoop = ThreadSafeEventLoop;

/// Owns tasks and runs them, one step at a time, on the thread that calls one of its run functions.
class ThreadSafeEventLoop final : public TaskHost {
 public:
  using ExceptionHandler = std::function<void(const ErrorContext&)>;

  /// A loop that goes by `clock`, which must outlive it.
  /// Throws std::system_error where there is no descriptor left to wake it by.
  explicit ThreadSafeEventLoop(Clock& clock = SteadyClock::instance())
      : ThreadSafeEventLoop(LoopOptions(), clock) {}

  /// The same with options: `EventLoop loop({.when_stuck = WhenStuck::kRaise});`.
  explicit ThreadSafeEventLoop(const LoopOptions& options, Clock& clock = SteadyClock::instance());
  ThreadSafeEventLoop(const ThreadSafeEventLoop&) = delete;
  ThreadSafeEventLoop& operator=(const ThreadSafeEventLoop&) = delete;

  /// Closes the loop where nobody has, with the standard grace period. Throws nothing. REQUIRES: the
  /// loop is not running. One that runs may be static all the same, as exit() is called in a step of it:
  /// then what it has is left as it is.
  ~ThreadSafeEventLoop();

  /// Ends the loop for good. Every task that is not done is cancelled and runs to its end; it may
  /// await and make tasks as it cleans up, and those that are left when it is done are cancelled in
  /// their turn. Where `grace` is over first, by the loop's clock or by the steady one, or where
  /// nothing is left that could run, what remains has refused: each such task is reported to the
  /// exception handler, and destroyed where it stands, from its innermost coroutine outwards.
  /// In a loop that has run, what is ready at the end, such as the done callbacks of the last task,
  /// has one more turn. Other callbacks are dropped.
  ///
  /// Does nothing where the loop is closed already; throws InvalidStateError where it runs.
  void close(Delay grace = kGrace);

  bool is_closed() const noexcept { return closed_; }

  /// How long a loop that is destroyed waits for its tasks to end.
  static constexpr std::chrono::seconds kGrace{1};

  /// Makes a task of `coro`. Its first step runs in the next turn, never in the caller's. This and
  /// whatever else gives the loop something to do throws LoopClosedError once it is closed.
  template <class T>
  Task<T> create_task(Coro<T> coro);

  /// Runs `callback()` in the next turn, after whatever is ready already. What it throws goes to
  /// the exception handler. It may be movable only. Wakes the loop where it sleeps.
  template <CallbackFunction F>
  Handle call_soon(F callback);

  /// The same without a handle: the quickest way to a loop that another thread runs. A callback of
  /// up to four words that is trivially copyable, as most that capture pointers and numbers are, is
  /// copied into an array and costs no memory of its own. (asyncio's gives a handle; call_soon() does,
  /// and may be called from any thread as well.)
  template <CallbackFunction F>
  void call_soon_threadsafe(F callback);

  /// The time by the loop's clock.
  Clock::time_point time() const noexcept { return clock_.now(); }

  /// Runs `callback()` once, `delay` from now, or in the next turn where that is zero or less.
  /// Those due at the same time run in the order of these calls. What it throws goes to the
  /// exception handler.
  template <CallbackFunction F>
  TimerHandle call_later(Delay delay, F callback);

  /// Runs `callback()` once, at `deadline` or in the next turn where that has passed.
  template <CallbackFunction F>
  TimerHandle call_at(Clock::time_point deadline, F callback);

  /// Runs `callback()` in a turn of this loop each time `signal` has come; several that came
  /// before the turn count as one. Replaces what was asked for that signal before. The loop waits
  /// for signals as it does for descriptors: run_forever() does not end while it has been asked for
  /// any. Throws InvalidStateError where another loop handles `signal`, std::invalid_argument where
  /// nobody can, as SIGKILL.
  template <CallbackFunction F>
  void add_signal_handler(int signal, F callback);

  /// Whatever handled `signal` before handles it again. False where it was not asked for.
  bool remove_signal_handler(int signal);

  /// The first `signal` cancels `task`; the next does what it does to a process that does not handle
  /// it. Else as add_signal_handler(), but that nobody counts on the signal to come.
  void cancel_on_signal(int signal, AnyTask task);

  /// The task that takes a step at the moment; a handle to nothing between steps, and on every
  /// thread but the loop's own.
  AnyTask current_task() const {
    return inbox_->runs_here() && current() ? AnyTask(Ref<TaskBlock>(*current())) : AnyTask();
  }

  /// Fires `timer` in the first turn that begins at `deadline` or later. For those who write
  /// awaiters.
  void arm(Timer& timer, Clock::time_point deadline) {
    inbox_->require_here("a timer");
    timers_.arm(timer, deadline);
  }

  /// Lets `waiter` try whenever the descriptor is ready, at the beginning of a turn. For code that
  /// implements awaiters.
  void watch(FdWaiter& waiter, Registration& registration, Readiness readiness) {
    inbox_->require_here("a descriptor that is waited for");
    poller_.add(waiter, registration, readiness);
  }

  /// A task has moved `bytes` without having to wait. True when the budget of them all is spent: it
  /// should yield() then, as one that never has to wait would never let the others run.
  bool spend_io_budget(std::size_t bytes) noexcept {
    io_budget_.spend(bytes);
    if (!io_budget_.spent()) return false;
    io_budget_ = {};
    return true;
  }

  /// A task waits for work that is done outside of the loop, such as a job in a thread or a task of
  /// another loop, and that will make it ready. Until work_finished() the loop is not stuck, and a
  /// clock that jumps does not jump over it. On the loop's own thread. For code that implements awaiters.
  /// Source: Asio's executor_work_guard.
  void work_started() noexcept { ++work_under_way_; }

  /// It is done, or the task waits no longer.
  void work_finished() noexcept { --work_under_way_; }

  const LoopOptions& options() const noexcept { return options_; }

  /// Runs until the coroutine is done; gives its value or throws its error. Throws DeadlockError
  /// if the loop is stuck before that and LoopOptions::when_stuck says so, else it reports once and
  /// waits; InvalidStateError where stop() came first, or where this thread runs a loop already.
  template <class T>
  T run_until_complete(Coro<T> coro) {
    require_runnable();  // first: a run that is refused runs nothing
    return run_until_complete(create_task(std::move(coro)));
  }

  /// The same for a task of this loop.
  template <class T>
  T run_until_complete(Task<T> task);

  /// The same, and leaves how it ended with the task.
  void run_until_done(const AnyTask& task) { run_until(task.block()); }

  /// Runs one turn, and waits for something to run where nothing is ready. False, and no turn, if the
  /// loop is stuck and when_stuck says to raise. To drive a loop step by step; libuv's UV_RUN_ONCE.
  bool run_once();

  /// Runs until stop(). A loop that is stuck and whose when_stuck says to raise returns if no task is
  /// left, as nothing can come any more, and throws DeadlockError if tasks still wait. Any other
  /// waits for other threads, without a report if no task is left. InvalidStateError where this
  /// thread runs a loop already.
  void run_forever();

  /// Runs turns for as long as something is ready, and returns where the loop would have to wait.
  /// For tests, and to drive a loop from a program that has one of its own.
  void run_until_idle();

  /// Makes the running loop return when its present turn is over; a loop that does not run will
  /// run one turn.
  void stop() noexcept {
    const Ref<Inbox> inbox = inbox_;  // who sees that it is to stop may destroy the loop
    stopping_ = true;
    inbox->wake();
  }

  bool is_running() const noexcept { return inbox_->runs(); }

  /// Who is told of errors that nobody awaits and of callbacks that throw. An empty handler
  /// brings back the default, which prints describe(context) to stderr.
  void set_exception_handler(ExceptionHandler handler);

  /// Hands `context` to the exception handler. An error that the handler throws is printed, and
  /// goes no further.
  void call_exception_handler(const ErrorContext& context) noexcept {
    tell(exception_handler(), context);
  }

  /// The loop that owns `task`. REQUIRES: there is one.
  static EventLoop& of(const TaskBlock& task) noexcept {
    return static_cast<EventLoop&>(*task.host());
  }

 private:
  class RunningHere;

  void task_done(TaskBlock& task) noexcept override;
  void callback_failed() noexcept override;
  std::function<void()> error_lost(const TaskBlock& task, std::exception_ptr error) override;

  void adopt(TaskBlock& task);
  void take_in(TaskBlock& task) noexcept;
  void queue(Call& call);
  void schedule(ScheduledCall& call);
  void let_go(TaskBlock& task) noexcept;
  void let_go_of_failed(TaskBlock& task) noexcept;
  [[noreturn]] static void throw_running();
  void require_runnable() const;
  void run_until(const TaskBlock& task);
  enum class Wait { kNot, kForNext };
  std::size_t run_turn(Wait wait);
  template <class Over>
  void run_turn_until(Over over, Wait wait);
  void look_around(Wait wait);
  void poll(Wait wait);
  void run_one(Runnable& runnable) noexcept;
  bool has_no_work(std::size_t internal_timers = 0) const noexcept;
  bool work_may_come() const noexcept;
  bool must_raise();
  bool raises_when_stuck() const noexcept;
  void report_stuck();
  Clock::duration time_to_sleep(Clock::time_point deadline) const noexcept;
  bool sleep(Clock::duration timeout);
  std::string describe_waiters() const;

  void handle_signal(int signal, Signals::Callback callback, Signals::Times times);
  void take_signals();

  ExceptionHandler exception_handler() noexcept;
  static void tell(const ExceptionHandler& handler, const ErrorContext& context) noexcept;

  [[noreturn]] void throw_closed() const;
  void wind_up(Clock::duration grace) noexcept;
  void cancel_all(Clock::duration grace);
  void ask_all_to_leave();
  void report_refusals() noexcept;
  void destroy_all() noexcept;

  // Fixed at construction.
  const LoopOptions options_;
  Clock& clock_;

  // The thread's that runs the loop.
  TimerHeap timers_;
  IoBudget io_budget_;
  Poller poller_;
  std::optional<Signals> signals_;
  IntrusiveList<TaskBlock> tasks_;  // all that are not done, and those that failed, with handles
  std::size_t unfinished_ = 0;      // how many of them are not done
  std::size_t asked_to_leave_ = 0;  // how many that close() has cancelled are not done
  bool has_run_ = false;
  std::size_t work_under_way_ = 0;  // outside of the loop, for a task of it that waits
  std::string reported_waiters_;    // what report_stuck() has said last

  // For every thread.
  std::atomic<TaskBlock::Id> last_id_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> closed_ = false;

  // handler_mutex_ must be held to use what follows it.
  std::mutex handler_mutex_;
  ExceptionHandler exception_handler_;
};

template <class T>
Task<T> EventLoop::create_task(Coro<T> coro) {
  using Block = TaskBlockOf<T>;
  Task<T> task(Ref<Block>::adopt(*new Block(*this, ++last_id_, std::move(coro).release())));
  adopt(task.block());
  return task;
}

template <CallbackFunction F>
Handle EventLoop::call_soon(F callback) {
  auto call = Ref<Call>::adopt(*new CallOf<Call, F>(std::move(callback)));
  queue(*call);
  return Handle(std::move(call));
}

template <CallbackFunction F>
void EventLoop::call_soon_threadsafe(F callback) {
  if constexpr (PostedCalls::takes<F>) {
    if (inbox_->post_small(callback)) return;
  }
  call_soon(std::move(callback));
}

template <CallbackFunction F>
TimerHandle EventLoop::call_later(Delay delay, F callback) {
  return call_at(Clock::later(time(), std::max(delay.in_nanoseconds(), Clock::duration::zero())),
                 std::move(callback));
}

template <CallbackFunction F>
TimerHandle EventLoop::call_at(Clock::time_point deadline, F callback) {
  auto call = Ref<ScheduledCall>::adopt(
      *new CallOf<ScheduledCall, F>(std::move(callback), inbox_, ready_, deadline));
  schedule(*call);
  return TimerHandle(std::move(call));
}

template <CallbackFunction F>
void EventLoop::add_signal_handler(int signal, F callback) {
  handle_signal(
      signal, [f = std::make_shared<F>(std::move(callback))] { std::invoke(*f); },
      Signals::Times::kAlways);
}

template <class T>
T EventLoop::run_until_complete(Task<T> task) {
  run_until(task.block());
  return std::move(task).take();
}

/// What yield_now() makes.
class Yield {
 public:
  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) const noexcept {
    caller.promise().task().yield(caller.promise());
  }
  void await_resume() const noexcept {}
};

/// Lets everybody else who is ready run once, and goes on. Always suspends; the loop resumes the
/// task in its next turn. asyncio spells it `sleep(0)`, tokio `yield_now`.
[[nodiscard]] inline Yield yield_now() noexcept { return {}; }

/// What get_running_loop() makes.
class RunningLoop {
 public:
  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) noexcept {
    loop_ = &EventLoop::of(caller.promise().task());
    return false;
  }
  EventLoop& await_resume() const noexcept { return *loop_; }

 private:
  EventLoop* loop_ = nullptr;
};

/// The loop that runs the coroutine that asks: `EventLoop& loop = co_await get_running_loop();`.
/// Never suspends. It asks the coroutine and not a thread_local, which a compiler may remember
/// from before a suspension.
[[nodiscard]] inline RunningLoop get_running_loop() noexcept { return {}; }

}  // namespace treadle
