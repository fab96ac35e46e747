#include "treadle/event_loop.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "treadle/system.hpp"

namespace treadle {

namespace {

thread_local bool this_thread_runs_a_loop = false;

std::string describe_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an object that is no std::exception";
  }
}

// Reports an error as far as there is memory for words. That there is none must not end the process.
template <class F>
void try_to_report(F report) noexcept {
  try {
    report();
  } catch (...) {
    std::fputs("treadle: memory ran out while an error was reported\n", stderr);
  }
}

}  // namespace

std::string describe(const ErrorContext& context) {
  if (!context.error) return context.message;
  return fmt::format("{}: {}", context.message, describe_error(context.error));
}

void EventLoop::require_runnable() const {
  if (running_) throw InvalidStateError("this loop is running already");
  if (this_thread_runs_a_loop)
    throw InvalidStateError("this thread is running another loop already");
}

// Marks the loop and its thread as running, for as long as one of the run functions does.
class EventLoop::RunningHere {
 public:
  explicit RunningHere(EventLoop& loop) : loop_(loop) {
    loop.require_runnable();
    loop_.running_ = this_thread_runs_a_loop = true;
  }
  RunningHere(const RunningHere&) = delete;
  RunningHere& operator=(const RunningHere&) = delete;
  ~RunningHere() { loop_.running_ = loop_.stopping_ = this_thread_runs_a_loop = false; }

 private:
  EventLoop& loop_;
};

EventLoop::~EventLoop() {
  precondition(!running_, "a loop is destroyed only when it is not running");
  running_ = true;  // and is not run by what is destroyed here
  // What is destroyed here may have destructors that make tasks and callbacks: go on until none is
  // left.
  while (!tasks_.empty() || !ready_.empty() || !timers_.empty()) {
    while (!tasks_.empty()) let_go(tasks_.pop_front());
    if (!ready_.empty()) ready_.pop().discard();
    if (!timers_.empty()) timers_.pop().drop();
  }
}

void EventLoop::let_go(TaskBlock& task) noexcept {
  const bool owned = !task.done();
  const Ref<TaskBlock> kept(task);  // the exception handler may drop the last handle to it
  task.detach();
  // One that is ready is linked in the queue still; discard() will drop the reference instead.
  if (owned && !task.queued()) task.release();
}

void EventLoop::run_until(const TaskBlock& task) {
  if (task.host() != this) throw InvalidStateError(task.label() + " belongs to another loop");
  RunningHere running(*this);
  while (!task.done()) {
    if (has_no_work() && !stopping_) {
      throw DeadlockError(task.label() +
                          " is not done, and nothing is left to run: " + describe_waiters());
    }
    run_turn(stopping_ ? Wait::kNot : Wait::kForNext);
    if (stopping_ && !task.done()) {
      throw InvalidStateError("the loop was stopped before " + task.label() + " was done");
    }
  }
}

void EventLoop::run_forever() {
  RunningHere running(*this);
  do {
    if (has_no_work() && !stopping_) {
      if (unfinished_ == 0) return;
      throw DeadlockError("nothing is left to run, and tasks still wait: " + describe_waiters());
    }
    run_turn(stopping_ ? Wait::kNot : Wait::kForNext);
  } while (!stopping_);
}

void EventLoop::run_until_idle() {
  RunningHere running(*this);
  while (run_turn(Wait::kNot) > 0 && !stopping_) {
  }
}

std::size_t EventLoop::run_turn(Wait wait) {
  if (wait == Wait::kForNext) wait_for_next();
  if (!timers_.empty()) timers_.fire_due(clock_.now());
  // Those that are ready now, and not those that they make ready: each turn ends.
  const std::size_t batch = ready_.size();
  for (std::size_t left = batch; left > 0; --left) run_one(ready_.pop());
  return batch;
}

void EventLoop::wait_for_next() {
  if (!ready_.empty()) return;
  const Clock::time_point deadline = timers_.next_deadline();
  System::current().sleep_for(clock_.until(deadline));
  clock_.idle_until(deadline);
}

void EventLoop::run_one(Runnable& runnable) noexcept {
  try {
    runnable.run();
  } catch (...) {
    try_to_report([this] {
      call_exception_handler({"a callback failed", std::current_exception()});
    });
  }
}

void EventLoop::adopt(TaskBlock& task) noexcept {
  task.retain();
  tasks_.push_back(task);
  ++unfinished_;
  ready_.push(task);
}

void EventLoop::task_done(TaskBlock& task) noexcept {
  --unfinished_;
  task.release();
}

void EventLoop::error_lost(const TaskBlock& task, std::exception_ptr error) noexcept {
  try_to_report([&] {
    call_exception_handler({task.label() + " failed and nobody awaited it", std::move(error)});
  });
}

void EventLoop::call_exception_handler(const ErrorContext& context) noexcept {
  try {
    // A copy, for the handler may put another in its own place while it runs.
    const ExceptionHandler handler = exception_handler_;
    if (handler) return handler(context);
  } catch (...) {
    try_to_report([] {
      const std::string why = describe_error(std::current_exception());
      std::fputs(fmt::format("treadle: the exception handler itself failed: {}\n", why).c_str(),
                 stderr);
    });
  }
  // Not fmt::print(), which throws where stderr is a pipe that nobody reads any longer.
  try_to_report(
      [&context] { std::fputs(fmt::format("treadle: {}\n", describe(context)).c_str(), stderr); });
}

std::string EventLoop::describe_waiters() const {
  std::string list;
  tasks_.for_each([&](const TaskBlock& task) {
    if (task.done()) return;
    list +=
        fmt::format("{}{} waits for {}", list.empty() ? "" : ", ", task.label(), task.waits_for());
  });
  return list;
}

}  // namespace treadle
