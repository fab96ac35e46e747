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
// A loop ends in one of three ways: it has done what it was asked for, it was told to stop(), or
// nothing is left that could ever run. The last is no reason to wait for ever: it is said.
//
// Invariants
//   1. Every task that is not done is in tasks_, and the loop holds a reference to it.
//   2. Nothing runs outside a turn, and one thread runs at most one loop at a time.
//   3. create_task() and call_soon() run nothing themselves.
//
// Thread safety: none. A loop, its tasks and all they touch belong to one thread.
// Source: asyncio's BaseEventLoop, for names and meaning.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "treadle/clock.hpp"
#include "treadle/io_budget.hpp"
#include "treadle/poller.hpp"
#include "treadle/scheduled_call.hpp"
#include "treadle/task.hpp"
#include "treadle/timer_heap.hpp"

namespace treadle {

/// What an exception handler is told. The name of the idea is asyncio's
/// `call_exception_handler(context)`.
struct ErrorContext {
  std::string message;  ///< What went wrong, in a sentence: `Task-3 failed and nobody awaited it`.
  std::exception_ptr error;  ///< The error itself.

  ErrorContext(std::string what, std::exception_ptr why) noexcept
      : message(std::move(what)), error(std::move(why)) {}
};

/// What a loop can call later. A function that gives a Coro is none: calling it would run nothing.
/// Make a task of what it gives.
template <class F>
concept CallbackFunction = std::invocable<F> && !requires(std::invoke_result_t<F> made) {
  std::move(made).operator co_await();
};

/// The message with the error behind it, on one line.
std::string describe(const ErrorContext& context);

/// Owns tasks and runs them, one step at a time, on the thread that calls one of its run functions.
class EventLoop final : public TaskHost {
 public:
  using ExceptionHandler = std::function<void(const ErrorContext&)>;

  /// A loop that goes by `clock`, which must outlive it.
  explicit EventLoop(Clock& clock = SteadyClock::instance()) noexcept : clock_(clock) {}
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Destroys the tasks that are not done, each where it stands, from its innermost coroutine
  /// outwards, and drops the callbacks that have not run. REQUIRES: the loop is not running.
  ~EventLoop();

  /// Makes a task of `coro`. Its first step runs in the next turn, never in the caller's.
  template <class T>
  Task<T> create_task(Coro<T> coro);

  /// Runs `callback()` in the next turn, after whatever is ready already. What it throws goes to
  /// the exception handler. It may be movable only.
  template <CallbackFunction F>
  void call_soon(F callback);

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

  /// Fires `timer` in the first turn that begins at `deadline` or later. For those who write
  /// awaiters.
  void arm(Timer& timer, Clock::time_point deadline) { timers_.arm(timer, deadline); }

  /// Lets `waiter` try whenever the descriptor is ready, at the beginning of a turn. For code that
  /// implements awaiters.
  void watch(FdWaiter& waiter, Registration& registration, Readiness readiness) {
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

  /// Runs until the coroutine is done; gives its value or throws its error. Throws DeadlockError
  /// where nothing is left that could run and it is not done; InvalidStateError where stop() came
  /// first, or where this thread runs a loop already.
  template <class T>
  T run_until_complete(Coro<T> coro) {
    require_runnable();  // first: a run that is refused runs nothing
    return run_until_complete(create_task(std::move(coro)));
  }

  /// The same for a task of this loop.
  template <class T>
  T run_until_complete(Task<T> task);

  /// Runs until stop(), or until nothing is left to run and nobody is left who could bring more.
  /// Throws DeadlockError where tasks still wait then; InvalidStateError where this thread runs a
  /// loop already.
  void run_forever();

  /// Runs turns for as long as something is ready, and returns where the loop would have to wait.
  /// For tests, and to drive a loop from a program that has one of its own.
  void run_until_idle();

  /// Makes the running loop return when its present turn is over; a loop that does not run will
  /// run one turn.
  void stop() noexcept { stopping_ = true; }

  bool is_running() const noexcept { return running_; }

  /// Who is told of errors that nobody awaits and of callbacks that throw. An empty handler
  /// brings back the default, which prints describe(context) to stderr.
  void set_exception_handler(ExceptionHandler handler) { exception_handler_ = std::move(handler); }

  /// Hands `context` to the exception handler. An error that the handler throws is printed, and
  /// goes no further.
  void call_exception_handler(const ErrorContext& context) noexcept;

  /// The loop that owns `task`. REQUIRES: there is one.
  static EventLoop& of(const TaskBlock& task) noexcept {
    return static_cast<EventLoop&>(*task.host());
  }

 private:
  class RunningHere;

  void task_done(TaskBlock& task) noexcept override;
  void error_lost(const TaskBlock& task, std::exception_ptr error) noexcept override;

  void adopt(TaskBlock& task) noexcept;
  void let_go(TaskBlock& task) noexcept;
  void require_runnable() const;
  void run_until(const TaskBlock& task);
  enum class Wait { kNot, kForNext };
  std::size_t run_turn(Wait wait);
  void poll(Wait wait);
  void run_one(Runnable& runnable) noexcept;
  bool has_no_work() const noexcept { return ready_.empty() && timers_.empty() && poller_.empty(); }
  std::string describe_waiters() const;

  Clock& clock_;
  TimerHeap timers_;
  IoBudget io_budget_;
  Poller poller_;
  IntrusiveList<TaskBlock> tasks_;  // all that are not done, and the done ones with handles
  std::size_t unfinished_ = 0;      // how many of them are not done
  TaskBlock::Id last_id_ = 0;
  bool running_ = false;
  bool stopping_ = false;
  ExceptionHandler exception_handler_;
};

/// A callback in the ready queue.
template <class F>
class Callback final : public Runnable {
 public:
  explicit Callback(F f) : f_(std::move(f)) {}

  void run() override {
    std::unique_ptr<Callback> self(this);
    std::invoke(std::move(f_));
  }
  void discard() noexcept override { delete this; }

 private:
  F f_;
};

template <class T>
Task<T> EventLoop::create_task(Coro<T> coro) {
  Ref<TaskBlockOf<T>> block(*new TaskBlockOf<T>(*this, ++last_id_, std::move(coro).release()));
  adopt(*block);
  return Task<T>(std::move(block));
}

template <CallbackFunction F>
void EventLoop::call_soon(F callback) {
  ready_.push(*new Callback<F>(std::move(callback)));
}

template <CallbackFunction F>
TimerHandle EventLoop::call_later(Delay delay, F callback) {
  return call_at(Clock::later(time(), std::max(delay.in_nanoseconds(), Clock::duration::zero())),
                 std::move(callback));
}

template <CallbackFunction F>
TimerHandle EventLoop::call_at(Clock::time_point deadline, F callback) {
  Ref<ScheduledCall> call(*new ScheduledCallOf<F>(ready_, deadline, std::move(callback)));
  timers_.arm(*call, deadline);
  call->retain();  // for the loop, until it has run, or been cancelled, or dropped
  return TimerHandle(std::move(call));
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
