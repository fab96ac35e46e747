#include "treadle/event_loop.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "treadle/process.hpp"
#include "treadle/thread_pool.hpp"

namespace treadle {

namespace {

constexpr std::size_t kOurs = 1;  // descriptors in the poller that are the loop's own: the wake-up

constexpr std::size_t kMostRefusals = 1000;  // of a loop that closes: more are reported as a number
constexpr std::chrono::milliseconds kLastTurn{1};  // at least so long for the last done callbacks

constexpr Clock::duration kNoTime{0};
constexpr Clock::duration kForEver{-1};

// How many tasks are named where a loop is stuck. A loop that waits for other threads makes the list
// each time that it runs out of work, and must not go through thousands of names for it.
constexpr std::size_t kMostNamed = 20;

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

void EventLoop::throw_running() { throw InvalidStateError("this loop is running already"); }

void EventLoop::require_runnable() const {
  if (inbox_->is_of_parent()) throw_closed();
  if (is_running()) throw_running();
  if (LoopClaim::any_here())
    throw InvalidStateError("this thread is running another loop already, or acts on one");
}

// Claims the loop, for as long as one of the run functions runs it.
class EventLoop::RunningHere {
 public:
  explicit RunningHere(EventLoop& loop)
      : loop_(loop), claim_((loop.require_runnable(), *loop.inbox_), LoopClaim::Kind::kRuns) {
    if (claim_.outcome() == LoopClaim::Outcome::kClosed) loop.throw_closed();
    if (!claim_) throw_running();
  }
  RunningHere(const RunningHere&) = delete;
  RunningHere& operator=(const RunningHere&) = delete;
  ~RunningHere() { loop_.stopping_ = false; }

 private:
  EventLoop& loop_;
  const LoopClaim claim_;  // ends after the destructor's body
};

EventLoop::ThreadSafeEventLoop(const LoopOptions& options, Clock& clock)
    : options_(options), clock_(clock) {
  poller_.add(inbox_->wakeup(), inbox_->wakeup().registration(), Readiness::kReadable);
  // Made before a static loop is, so that it ends after it: the loop's tasks may need it as they end.
  ThreadPool::shared();
}

EventLoop::~ThreadSafeEventLoop() {
  if (inbox_->is_deserted()) return;  // by a process that ends, in the middle of a step
  precondition(!is_running() && !inbox_->runs_here(),
               "a loop is destroyed only when it is not running");
  if (!closed_) wind_up(kGrace);
}

void EventLoop::close(Delay grace) {
  if (is_running() || inbox_->runs_here())
    throw InvalidStateError("a loop that runs cannot be closed: stop() it first");
  if (!closed_) wind_up(grace.in_nanoseconds());
}

void EventLoop::throw_closed() const { throw LoopClosedError(inbox_->why_closed()); }

void EventLoop::wind_up(Clock::duration grace) noexcept {
  if (inbox_->is_of_parent()) return destroy_all();
  // Not RunningHere: a loop may be destroyed by a task of another one.
  const LoopClaim claim(*inbox_, LoopClaim::Kind::kRuns);
  if (!claim) return;
  stopping_ = false;
  try {
    cancel_all(grace);
  } catch (...) {
    try_to_report([this] {
      call_exception_handler({"the loop could not run while it closed", std::current_exception()});
    });
  }
  report_refusals();
  signals_.reset();
  destroy_all();
}

void EventLoop::cancel_all(Clock::duration grace) {
  if (unfinished_ == 0 && (ready_.empty() || !has_run_)) return;
  // By both clocks: one of a test stands still while somebody is busy.
  const auto real_end = Clock::later(SteadyClock::instance().now(), grace);
  bool time_has_come = false;
  const TimerHandle end = call_later(grace, [&time_has_come] { time_has_come = true; });
  const auto over = [&] { return time_has_come || SteadyClock::instance().now() >= real_end; };
  const auto long_over = [end = Clock::later(real_end, kGrace)] {
    return SteadyClock::instance().now() >= end;
  };
  bool first = true;
  do {
    stopping_ = false;  // whom we ask to end may not end us
    ask_all_to_leave();
    while (asked_to_leave_ > 0) {
      if (has_no_work(1) && raises_when_stuck()) return;
      if (std::exchange(first, false)) {
        run_turn_until(long_over, Wait::kForNext);  // each task hears of it, whatever the grace is
      } else {
        run_turn_until(over, Wait::kForNext);
      }
      if (over()) break;
    }
    // For the done callbacks of the last, which may make tasks again. They have as long once more.
    const auto end_of_turn =
        Clock::later(SteadyClock::instance().now(), std::max<Clock::duration>(grace, kLastTurn));
    run_turn_until([&] { return SteadyClock::instance().now() >= end_of_turn; }, Wait::kNot);
  } while (unfinished_ > 0 && !over());
}

// A turn that ends when the time is over: if other threads post without end, each turn is several times as
// long as the one before.
template <class Over>
void EventLoop::run_turn_until(Over over, Wait wait) {
  look_around(wait);
  for (std::size_t left = ready_.size(); left > 0 && !over(); --left) run_one(ready_.pop());
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
  std::size_t count = 0;
  tasks_.for_each([&](const TaskBlock& task) {
    if (task.done() || !task.asked_to_leave() || ++count > kMostRefusals) return;
    try_to_report([this, &task] {
      const std::string place = task.waits_for();
      call_exception_handler(
          {fmt::format("{} refused to end when its loop was closed{}{}", task.label(),
                       place.empty() ? "" : "; it waits for ", place),
           nullptr, task});
    });
  });
  if (count <= kMostRefusals) return;
  try_to_report([&] {
    call_exception_handler({fmt::format("{} more tasks had not ended", count - kMostRefusals), {}});
  });
}

void EventLoop::destroy_all() noexcept {
  // What is destroyed here may have destructors that make tasks and callbacks, and until the inbox is
  // closed other threads may bring some: go on until none is left.
  do {
    while (!tasks_.empty() || !ready_.empty() || !timers_.empty()) {
      while (!tasks_.empty()) let_go(tasks_.pop_front());
      if (!ready_.empty()) ready_.pop().discard();
      if (!timers_.empty()) timers_.pop().drop();
    }
    closed_ = true;
    inbox_->close();
  } while (!tasks_.empty() || !ready_.empty() || !timers_.empty());
}

void EventLoop::let_go(TaskBlock& task) noexcept {
  if (task.done()) return let_go_of_failed(task);
  task.detach();
  // One that is ready is linked in the queue still; discard() will drop the reference instead.
  if (!task.queued()) task.leave_loop();
}

void EventLoop::let_go_of_failed(TaskBlock& task) noexcept {
  const auto report = task.lost_error();
  task.leave_loop();
  if (report) report();  // last, because the handler may drop the last handle to the task
}

void EventLoop::run_until(const TaskBlock& task) {
  if (&*task.inbox() != &*inbox_)
    throw InvalidStateError(task.label() + " belongs to another loop");
  RunningHere running(*this);
  while (!task.done()) {
    if (must_raise()) {
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
  if (must_raise()) return false;
  run_turn(stopping_ ? Wait::kNot : Wait::kForNext);
  return true;
}

bool EventLoop::has_no_work(std::size_t internal_timers) const noexcept {
  const bool signals_may_come = signals_ && signals_->expects_any();
  return ready_.empty() && timers_.size() == internal_timers && poller_.size() == kOurs &&
         !signals_may_come && !inbox_->has_mail() && !work_may_come();
}

// In a process of one thread nothing does the work: there is no pool, and no other loop runs while this
// one does.
bool EventLoop::work_may_come() const noexcept {
  return work_under_way_ > 0 && !is_single_threaded();
}

// True if the loop is stuck and its run function is to say so with an exception. One that waits for
// other threads reports here.
bool EventLoop::must_raise() {
  if (stopping_ || !has_no_work()) return false;
  if (raises_when_stuck()) return true;
  if (options_.when_stuck != WhenStuck::kWait) report_stuck();
  return false;
}

bool EventLoop::raises_when_stuck() const noexcept {
  if (options_.when_stuck == WhenStuck::kDefault) return is_single_threaded();
  return options_.when_stuck == WhenStuck::kRaise;
}

// Compares the text, so that a loop is silent that was woken for nothing, or whose tasks ran and wait
// for the same again.
void EventLoop::report_stuck() {
  std::string waiters = describe_waiters();
  if (waiters.empty() || waiters == reported_waiters_) return;
  call_exception_handler(
      {"nothing is left to run unless another thread brings it: " + waiters, nullptr});
  reported_waiters_ = std::move(waiters);
}

void EventLoop::run_forever() {
  RunningHere running(*this);
  do {
    if (must_raise()) {
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
  look_around(wait);
  // Those that are ready now, and not those that they make ready: each turn ends.
  const std::size_t batch = ready_.size();
  for (std::size_t left = batch; left > 0; --left) run_one(ready_.pop());
  return batch;
}

// Looks who has become ready but by what runs here.
void EventLoop::look_around(Wait wait) {
  poll(wait);
  if (inbox_->has_mail()) inbox_->take();
  if (signals_ && signals_->raised()) take_signals();
  if (!timers_.empty()) timers_.fire_due(clock_.now());
}

void EventLoop::poll(Wait wait) {
  // With work at hand the kernel is asked only in passing, so that those who compute do not
  // starve those who wait.
  if (wait == Wait::kNot || !ready_.empty()) {
    if (poller_.size() > kOurs) poller_.wait(kNoTime);
    return;
  }
  if (timers_.empty()) {
    sleep(kForEver);
    return;
  }
  const Clock::time_point deadline = timers_.next_deadline();
  if (sleep(time_to_sleep(deadline))) clock_.idle_until(deadline);
}

// How long the thread sleeps until `deadline`. A clock that jumps says: not at all. But work that is
// under way needs real time, and a clock that jumped would overtake it.
Clock::duration EventLoop::time_to_sleep(Clock::time_point deadline) const noexcept {
  const Clock::duration time = std::max(clock_.until(deadline), kNoTime);
  if (!work_may_come()) return time;
  const Clock::time_point now = clock_.now();
  return deadline > now ? std::max(time, deadline - now) : time;
}

// True where the time passed and nothing came up.
bool EventLoop::sleep(Clock::duration timeout) {
  const bool may_sleep = timeout != kNoTime && inbox_->may_sleep();
  const bool time_passed = poller_.wait(may_sleep ? timeout : kNoTime);
  return inbox_->take() == 0 && time_passed;
}

void EventLoop::handle_signal(int signal, Signals::Callback callback, Signals::Times times) {
  const auto add = [&] {
    if (!signals_) signals_.emplace(inbox_->wakeup());
    signals_->add(signal, std::move(callback), times);
    return true;
  };
  if (!inbox_->ask(add)) throw_closed();
}

bool EventLoop::remove_signal_handler(int signal) {
  return inbox_->ask([&] { return signals_ && signals_->remove(signal); }).value_or(false);
}

void EventLoop::take_signals() {
  signals_->take([this](const std::shared_ptr<Signals::Callback>& callback) {
    call_soon([callback] { (*callback)(); });
  });
}

void EventLoop::cancel_on_signal(int signal, AnyTask task) {
  handle_signal(
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
    callback_failed();
  }
}

void EventLoop::callback_failed() noexcept {
  try_to_report([this] {
    call_exception_handler({"a callback failed", std::current_exception()});
  });
}

void EventLoop::adopt(TaskBlock& task) {
  // Where the loop goes before it takes the task in, the task ends as others do then.
  struct Leave {
    void operator()(TaskBlock* block) const noexcept {
      block->detach();
      block->leave_loop();
    }
  };
  if (inbox_->runs_here()) {
    if (closed_) task.detach(), task.leave_loop(), throw_closed();
    return take_in(task);
  }
  std::unique_ptr<TaskBlock, Leave> stranger(&task);
  const bool open = inbox_->reach(
      [this, stranger = std::move(stranger)]() mutable { take_in(*stranger.release()); });
  if (!open) throw_closed();
}

void EventLoop::take_in(TaskBlock& task) noexcept {
  tasks_.push_back(task);
  ++unfinished_;
  ready_.push(task);
}

void EventLoop::queue(Call& call) {
  if (inbox_->runs_here() && !closed_) return ready_.push(call);
  if (inbox_->post(call)) return;
  call.release();
  throw_closed();
}

void EventLoop::schedule(ScheduledCall& call) {
  const bool open = inbox_->reach([this, call = OwnedRunnable(&call)]() mutable {
    auto& scheduled = static_cast<ScheduledCall&>(*call);
    if (scheduled.cancelled()) return;  // on the loop's own thread, before this got here
    timers_.arm(scheduled, scheduled.when());
    static_cast<void>(call.release());  // the timers have it now
  });
  if (!open) throw_closed();
}

void EventLoop::task_done(TaskBlock& task) noexcept {
  --unfinished_;
  if (task.asked_to_leave()) --asked_to_leave_;
  if (task.state() == TaskState::kFailed && task.leave_error_to_owners()) return;
  task.unlink();
  if (const auto report = task.lost_error()) report();
  task.leave_loop();
}

std::function<void()> EventLoop::error_lost(const TaskBlock& task, std::exception_ptr error) {
  std::function<void()> report;
  try_to_report([&] {
    ErrorContext context(task.label() + " failed and nobody awaited it", std::move(error), task);
    report = [handler = exception_handler(), context = std::move(context)] {
      tell(handler, context);
    };
  });
  return report;
}

void EventLoop::set_exception_handler(ExceptionHandler handler) {
  const std::lock_guard lock(handler_mutex_);
  exception_handler_.swap(handler);  // the old one goes when the lock has been given back
}

// A copy, for the handler may put another in its own place while it runs. If there is no memory for
// it, stderr is told instead.
EventLoop::ExceptionHandler EventLoop::exception_handler() noexcept {
  const std::lock_guard lock(handler_mutex_);
  try {
    return exception_handler_;
  } catch (...) {
    return {};
  }
}

void EventLoop::tell(const ExceptionHandler& handler, const ErrorContext& context) noexcept {
  try {
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
  std::size_t named = 0;
  tasks_.for_each([&](const TaskBlock& task) {
    if (task.done() || ++named > kMostNamed) return;
    list +=
        fmt::format("{}{} waits for {}", list.empty() ? "" : ", ", task.label(), task.waits_for());
  });
  if (named > kMostNamed) list += fmt::format(", and {} more", named - kMostNamed);
  return list;
}

}  // namespace treadle
