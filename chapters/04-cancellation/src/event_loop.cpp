#include "treadle/event_loop.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace treadle {

namespace {

constexpr Clock::duration kNoTime{0};
constexpr Clock::duration kForEver{-1};

thread_local bool this_thread_runs_a_loop = false;

std::string operation_of(const std::exception_ptr& error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const OperationError& e) {
    return e.operation();
  } catch (...) {
    return "";  // whatever it is, it names none
  }
  return "";
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

ErrorContext::ErrorContext(std::string what, std::exception_ptr why, const TaskBlock& about)
    : message(std::move(what)),
      error(std::move(why)),
      task(about.label()),
      task_id(about.id()),
      operation(operation_of(error)) {}

void EventLoop::require_runnable() const {
  require_open();
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
  if (!closed_) wind_up(kGrace);
}

void EventLoop::close(Delay grace) {
  if (running_) throw InvalidStateError("a loop that runs cannot be closed: stop() it first");
  if (!closed_) wind_up(grace.in_nanoseconds());
}

void EventLoop::require_open() const {
  if (closed_) throw LoopClosedError("this loop is closed");
}

void EventLoop::wind_up(Clock::duration grace) noexcept {
  // Not RunningHere: a loop may be destroyed by a task of another one.
  const bool runs_another = std::exchange(this_thread_runs_a_loop, true);
  running_ = true;
  stopping_ = false;
  try {
    cancel_all(grace);
  } catch (...) {
    try_to_report([this] {
      call_exception_handler({"the loop could not run while it closed", std::current_exception()});
    });
  }
  report_refusals();
  destroy_all();
  signals_.reset();
  wakeup_.reset();
  closed_ = true;
  running_ = false;
  this_thread_runs_a_loop = runs_another;
}

void EventLoop::cancel_all(Clock::duration grace) {
  if (unfinished_ == 0 && (ready_.empty() || !has_run_)) return;
  // By both clocks: one of a test stands still while somebody is busy.
  const auto real_end = Clock::later(SteadyClock::instance().now(), grace);
  bool over = false;
  const TimerHandle end = call_later(grace, [&over] { over = true; });
  do {
    ask_all_to_leave();
    while (asked_to_leave_ > 0 && !over) {
      if (has_no_work(1)) return;
      run_turn(Wait::kForNext);
      over = over || SteadyClock::instance().now() >= real_end;
    }
    run_turn(Wait::kNot);  // for the done callbacks of the last, which may make tasks again
  } while (unfinished_ > 0 && !over);
}

// A task that is cancelled may make others as it cleans up, and wait for them. Those are not in the
// first round, and are cancelled when all of the first round are done.
void EventLoop::ask_all_to_leave() {
  tasks_.for_each([this](TaskBlock& task) {
    if (task.done() || task.asked_to_leave()) return;
    ++asked_to_leave_;
    task.ask_to_leave();
  });
}

void EventLoop::report_refusals() noexcept {
  tasks_.for_each([this](const TaskBlock& task) {
    if (task.done() || !task.asked_to_leave()) return;
    try_to_report([this, &task] {
      const std::string place = task.waits_for();
      call_exception_handler(
          {fmt::format("{} refused to end when its loop was closed{}{}", task.label(),
                       place.empty() ? "" : "; it waits for ", place),
           nullptr, task});
    });
  });
}

void EventLoop::destroy_all() noexcept {
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
  if (owned && !task.queued()) task.leave_loop();
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

bool EventLoop::run_once() {
  RunningHere running(*this);
  if (has_no_work()) return false;
  run_turn(stopping_ ? Wait::kNot : Wait::kForNext);
  return true;
}

bool EventLoop::has_no_work(std::size_t internal_timers) const noexcept {
  const std::size_t descriptors_of_ours = wakeup_ ? 1 : 0;
  const bool signals_may_come = signals_ && signals_->expects_any();
  return ready_.empty() && timers_.size() == internal_timers &&
         poller_.size() == descriptors_of_ours && !signals_may_come;
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
  has_run_ = true;
  poll(wait);
  if (signals_ && signals_->raised()) take_signals();
  if (!timers_.empty()) timers_.fire_due(clock_.now());
  // Those that are ready now, and not those that they make ready: each turn ends.
  const std::size_t batch = ready_.size();
  for (std::size_t left = batch; left > 0; --left) run_one(ready_.pop());
  return batch;
}

void EventLoop::poll(Wait wait) {
  // With work at hand the kernel is asked only in passing, so that those who compute do not
  // starve those who wait.
  if (wait == Wait::kNot || !ready_.empty()) {
    if (!poller_.empty()) poller_.wait(kNoTime);
    return;
  }
  if (timers_.empty()) {
    poller_.wait(kForEver);
    return;
  }
  const Clock::time_point deadline = timers_.next_deadline();
  if (poller_.wait(std::max(clock_.until(deadline), kNoTime))) clock_.idle_until(deadline);
}

Signals& EventLoop::signals() {
  require_open();
  if (!signals_) {
    wakeup_.emplace();
    poller_.add(*wakeup_, wakeup_->registration(), Readiness::kReadable);
    signals_.emplace(*wakeup_);
  }
  return *signals_;
}

void EventLoop::take_signals() {
  signals_->take([this](const std::shared_ptr<Signals::Callback>& callback) {
    call_soon([callback] { (*callback)(); });
  });
}

void EventLoop::cancel_on_signal(int signal, AnyTask task) {
  signals().add(
      signal,
      [signal, task = std::move(task)] {
        task.block().cancel(CancelledError({}, CancelOrigin::kSignal, signal_name(signal)));
      },
      Signals::Times::kOnce);
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
  if (task.asked_to_leave()) --asked_to_leave_;
  task.leave_loop();
}

void EventLoop::error_lost(const TaskBlock& task, std::exception_ptr error) noexcept {
  try_to_report([&] {
    call_exception_handler(
        {task.label() + " failed and nobody awaited it", std::move(error), task});
  });
}

void EventLoop::call_exception_handler(const ErrorContext& context) noexcept {
  try {
    // A copy, for the handler may put another in its own place while it runs.
    const ExceptionHandler handler = exception_handler_;
    if (handler) return handler(context);
  } catch (...) {
    try_to_report([] {
      const std::string why = describe(std::current_exception());
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
