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
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "treadle/call.hpp"
#include "treadle/clock.hpp"
#include "treadle/errors.hpp"
#include "treadle/inbox.hpp"
#include "treadle/io_budget.hpp"
#include "treadle/loop_options.hpp"
#include "treadle/metrics.hpp"
#include "treadle/observer.hpp"
#include "treadle/poller.hpp"
#include "treadle/scheduled_call.hpp"
#include "treadle/signals.hpp"
#include "treadle/step_watch.hpp"
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
  std::string made_at;        ///< The call that made the task or callback: `server.cpp:41`.
  std::vector<StackEntry> stack;  ///< Where the task stood, or where its error came from.
  bool debug = false;             ///< The loop is in debug mode: say all there is.

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

/// The message with the error behind it, on one line. In debug mode there follow lines that say where
/// the task was made and where it stood.
inline std::string describe(const ErrorContext& context) {
  std::string text = context.message;
  if (context.error) text += ": " + describe(context.error);
  if (!context.debug) return text;
  if (!context.made_at.empty()) text += "\n  made at " + context.made_at;
  for (const StackEntry& entry : context.stack) text += "\n  in " + to_string(entry);
  return text;
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

  /// The same with options: `EventLoop loop({.debug = true});`.
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
  ///
  /// `name` is what the task is called everywhere; without one it goes by its number, `Task-7`. `where`
  /// is for the compiler to fill in.
  template <class T>
  Task<T> create_task(Coro<T> coro, std::string_view name = {},
                      std::source_location where = std::source_location::current());

  /// Runs `callback()` in the next turn, after whatever is ready already. What it throws goes to
  /// the exception handler. It may be movable only. Wakes the loop where it sleeps.
  /// Like that of a task, the place of the call is kept, for reports about the callback.
  template <CallbackFunction F>
  Handle call_soon(F callback, std::source_location where = std::source_location::current());

  /// The same without a handle: the quickest way to a loop that another thread runs. A callback of
  /// up to four words that is trivially copyable, as most that capture pointers and numbers are, is
  /// copied into an array and costs no memory of its own. (asyncio's gives a handle; call_soon() does,
  /// and may be called from any thread as well.)
  /// A callback that is copied so has no room for its place, and is reported without.
  template <CallbackFunction F>
  void call_soon_threadsafe(F callback,
                            std::source_location where = std::source_location::current());

  /// The time by the loop's clock.
  Clock::time_point time() const noexcept override { return clock_.now(); }

  /// Runs `callback()` once, `delay` from now, or in the next turn where that is zero or less.
  /// Those due at the same time run in the order of these calls. What it throws goes to the
  /// exception handler.
  template <CallbackFunction F>
  TimerHandle call_later(Delay delay, F callback,
                         std::source_location where = std::source_location::current());

  /// Runs `callback()` once, at `deadline` or in the next turn where that has passed.
  template <CallbackFunction F>
  TimerHandle call_at(Clock::time_point deadline, F callback,
                      std::source_location where = std::source_location::current());

  /// Runs `callback()` in a turn of this loop each time `signal` has come; several that came
  /// before the turn count as one. Replaces what was asked for that signal before. The loop waits
  /// for signals as it does for descriptors: run_forever() does not end while it has been asked for
  /// any. Throws InvalidStateError where another loop handles `signal`, std::invalid_argument where
  /// nobody can, as SIGKILL.
  template <CallbackFunction F>
  void add_signal_handler(int signal, F callback,
                          std::source_location where = std::source_location::current());

  /// Whatever handled `signal` before handles it again. False where it was not asked for.
  bool remove_signal_handler(int signal);

  /// The first `signal` cancels `task`; the next does what it does to a process that does not handle
  /// it. Else as add_signal_handler(), but that nobody counts on the signal to come.
  void cancel_on_signal(int signal, AnyTask task,
                        std::source_location where = std::source_location::current());

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
    ++counts_.timers_armed;
  }

  /// Lets `waiter` try whenever the descriptor is ready, at the beginning of a turn. For code that
  /// implements awaiters.
  void watch(FdWaiter& waiter, Registration& registration, Readiness readiness) {
    inbox_->require_here("a descriptor that is waited for");
    poller_.add(waiter, registration, readiness);
    ++counts_.io_waits;
  }

  /// A task has moved `bytes` without having to wait. True when the budget of them all is spent: it
  /// should yield() then, as one that never has to wait would never let the others run.
  bool spend_io_budget(std::size_t bytes) noexcept {
    ++counts_.io_at_once;
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

  /// What the loop has done so far, as of one moment between two steps, or in the step that asks. From
  /// any thread but one that runs another loop. Another thread waits until the loop has a turn to
  /// answer in; where that does not come, as a step does not end, TimeoutError is thrown after
  /// `patience`. Of a closed loop, what it had done in all.
  LoopMetrics metrics(Delay patience = Inbox::kTimeout) const;

  /// The tasks that are not done, oldest first. Asked as metrics().
  std::vector<AnyTask> all_tasks(Delay patience = Inbox::kTimeout) const;

  /// Gives what `f()` gives, called where nothing of the loop moves. It may look at all that belongs to
  /// the loop, and refer to what the caller has. Nothing if the loop is closed; if `f()` gives
  /// nothing itself, true or false says whether it was called. Asked as metrics().
  template <class F>
  auto look(F f, Delay patience = Inbox::kTimeout) const {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      auto and_say_so = [f = std::move(f)]() mutable { return f(), true; };
      return inbox_->ask(std::move(and_say_so), patience).has_value();
    } else {
      return inbox_->ask(std::move(f), patience);
    }
  }

  /// Calls `visit(block)` for each task that is not done, oldest first. REQUIRES: look() has called us.
  template <class F>
  void for_each_task(F&& visit) const {
    tasks_.for_each([&](TaskBlock& task) {
      if (!task.done()) visit(task);
    });
  }

  /// Tells `observer` of all that happens from now on. It outlives the loop, or is removed.
  void add_observer(LoopObserver& observer);

  /// When this returns, the observer is not called any more.
  void remove_observer(LoopObserver& observer);

  /// Runs until the coroutine is done; gives its value or throws its error. Throws DeadlockError
  /// if the loop is stuck before that and LoopOptions::when_stuck says so, else it reports once and
  /// waits; InvalidStateError where stop() came first, or where this thread runs a loop already.
  template <class T>
  T run_until_complete(Coro<T> coro, std::source_location where = std::source_location::current()) {
    require_runnable();  // first: a run that is refused runs nothing
    return run_until_complete(create_task(std::move(coro), {}, where));
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
  [[gnu::noinline, gnu::cold]] void callback_failed() noexcept override;
  std::function<void()> error_lost(const TaskBlock& task, std::exception_ptr error) override;
  bool debug() const noexcept override { return options_.debug; }
  void report(std::string what, std::exception_ptr why, const TaskBlock* about) noexcept override;

  void adopt(TaskBlock& task);
  void adopt_at_the_door(TaskBlock& task);
  void take_in(TaskBlock& task) noexcept;
  static void refuse(TaskBlock& task) noexcept;
  static void give_name(TaskBlock& task, std::string_view name);
  void failed(TaskBlock& task) noexcept;
  void queue(Call& call);
  void schedule(ScheduledCall& call);
  void let_go(TaskBlock& task) noexcept;
  void let_go_of_failed(TaskBlock& task) noexcept;
  [[noreturn]] static void throw_running();
  void require_runnable() const;
  void run_until(const TaskBlock& task);
  enum class Wait { kNot, kForNext };
  [[gnu::always_inline]] inline std::size_t run_turn(Wait wait);
  inline void run_some(ReadyQueue::Batch& batch) noexcept;
  inline bool others_may_be_ready() const noexcept;
  template <class Over>
  void run_turn_until(Over over, Wait wait);
  void run_one(Runnable& runnable) noexcept;
  [[gnu::noinline]] void look_around(Wait wait);
  void poll(Wait wait);
  LoopMetrics counts() const noexcept;
  void count_ending(const TaskBlock& task) noexcept;
  void keep_last_counts();
  void ask_kernel(Wait wait);
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
  LoopMetrics counts_;
  StepWatch watch_{*this, clock_, options_, counts_};
  Poller poller_;
  std::optional<Signals> signals_;
  IntrusiveList<TaskBlock> tasks_;  // all that are not done, and those that failed, with handles
  std::size_t unfinished_ = 0;      // how many of them are not done
  std::size_t asked_to_leave_ = 0;  // how many that close() has cancelled are not done
  std::size_t work_under_way_ = 0;  // outside of the loop, for a task of it that waits
  std::string reported_waiters_;    // what report_stuck() has said last

  // For every thread.
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> closed_ = false;

  // handler_mutex_ must be held to use what follows it.
  mutable std::mutex handler_mutex_;
  ExceptionHandler exception_handler_;
  LoopMetrics last_counts_;  // of a loop that is closed
};

template <class T>
Task<T> EventLoop::create_task(Coro<T> coro, std::string_view name, std::source_location where) {
  using Block = TaskBlockOf<T>;
  Task<T> task(Ref<Block>::adopt(*new Block(*this, std::move(coro).release(), where)));
  if (!name.empty()) give_name(task.block(), name);
  adopt(task.block());
  return task;
}

template <CallbackFunction F>
Handle EventLoop::call_soon(F callback, std::source_location where) {
  auto call = Ref<Call>::adopt(*new CallOf<Call, F>(std::move(callback), where));
  queue(*call);
  return Handle(std::move(call));
}

template <CallbackFunction F>
void EventLoop::call_soon_threadsafe(F callback, std::source_location where) {
  if constexpr (PostedCalls::takes<F>) {
    if (inbox_->post_small(callback)) return;
  }
  call_soon(std::move(callback), where);
}

template <CallbackFunction F>
TimerHandle EventLoop::call_later(Delay delay, F callback, std::source_location where) {
  return call_at(Clock::later(time(), std::max(delay.in_nanoseconds(), Clock::duration::zero())),
                 std::move(callback), where);
}

template <CallbackFunction F>
TimerHandle EventLoop::call_at(Clock::time_point deadline, F callback, std::source_location where) {
  auto call = Ref<ScheduledCall>::adopt(
      *new CallOf<ScheduledCall, F>(std::move(callback), where, inbox_, ready_, deadline));
  schedule(*call);
  return TimerHandle(std::move(call));
}

template <CallbackFunction F>
void EventLoop::add_signal_handler(int signal, F callback, std::source_location where) {
  handle_signal(signal,
                {[f = std::make_shared<F>(std::move(callback))] { std::invoke(*f); }, where},
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
