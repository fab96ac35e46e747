#include "treadle/task.hpp"

#include <fmt/format.h>

#include <array>

namespace treadle {

void Suspension::wake() noexcept { task_->wake(); }

void Suspension::suspend(PromiseBase& promise) noexcept {
  task_ = &promise.task();
  task_->wait(promise, *this);
}

std::string_view to_string(TaskState state) noexcept {
  constexpr std::array<std::string_view, 6> kWords{"pending",  "running", "suspended",
                                                   "finished", "failed",  "cancelled"};
  return kWords[static_cast<std::size_t>(state)];
}

bool may_follow(TaskState state, TaskState next) noexcept {
  switch (next) {
    case TaskState::kPending:
      return false;
    case TaskState::kRunning:
      return state == TaskState::kPending || state == TaskState::kSuspended;
    case TaskState::kSuspended:
    case TaskState::kFinished:
    case TaskState::kFailed:
      return state == TaskState::kRunning;
    case TaskState::kCancelled:
      return state <= TaskState::kSuspended;  // also without a step, and where the loop goes
  }
  return false;
}

void PromiseBase::throw_cancelled() {
  interrupted_ = false;
  task_->throw_cancelled();
}

TaskBlock::TaskBlock(TaskHost& host, Id id, Frame frame) noexcept
    : id_(id),
      inbox_(host.inbox()),
      host_(&host),
      frame_(std::move(frame)),
      resume_at_(frame_.promise()) {
  precondition(resume_at_ != nullptr, "a Coro becomes a task once");
  resume_at_->start_for(*this);
}

std::string TaskBlock::label() const { return fmt::format("Task-{}", id_); }

std::string TaskBlock::waits_for() const {
  const auto look = [this] { return waiting_at_ ? waiting_at_->waits_for() : std::string(); };
  return inbox_->ask(look).value_or("");
}

void TaskBlock::run() {
  if (state() == TaskState::kPending && cancel_) return end_before_first_step();
  move_to(TaskState::kRunning);
  yielded_ = false;
  host_->set_current(this);
  resume_at_->handle().resume();
  host_->set_current(nullptr);
  if (frame_.done()) {
    keep_result(*frame_.promise());
    return finish(how_it_ended());
  }
  precondition(queued() || waiting_at_ != nullptr,
               "a task is suspended only by an awaiter that can make it ready again");
  move_to(TaskState::kSuspended);
}

void TaskBlock::move_to(TaskState next) noexcept {
  precondition(may_follow(state(), next), "a task goes from state to state as may_follow() says");
  state_.store(next, std::memory_order_release);
}

void TaskBlock::yield(PromiseBase& promise) noexcept {
  yielded_ = true;
  if (cancel_) interrupt(promise);
  let_others_run(promise);
}

bool TaskBlock::cancel(CancelledError request) {
  if (done()) return false;
  ++cancels_asked_;  // at once, so that who asks from another thread can take it back
  return inbox_->reach([self = Ref<TaskBlock>(*this), request = std::move(request)]() mutable {
    self->cancel_here(std::move(request));
  });
}

void TaskBlock::cancel_here(CancelledError request) {
  if (done() || resume_at_ == nullptr) return;  // its own locals may ask while they go
  if (cancels_asked_ == 0) return;              // taken back before it got here
  if (!cancel_) cancel_ = std::make_unique<CancelledError>(std::move(request));
  if (waiting_at_ != nullptr) {
    withdraw();
  } else if (yielded_ && queued()) {
    interrupt(*resume_at_);
  }
}

// The wait is over without what it waited for, and says so when it is resumed.
void TaskBlock::withdraw() noexcept {
  waiting_at_->withdraw();
  waiting_at_ = nullptr;
  interrupt(*resume_at_);
  host_->ready().push(*this);
}

void TaskBlock::interrupt(PromiseBase& promise) noexcept {
  delivering_ = true;
  promise.interrupt();
}

bool TaskBlock::cancel_from_here(std::string reason) {
  if (done()) return false;
  if (inbox_->runs_elsewhere())
    return cancel(CancelledError(std::move(reason), CancelOrigin::kCode, "another thread"));
  if (const TaskBlock* caller = inbox_->runs_here() ? host_->current() : nullptr)
    return cancel(CancelledError(std::move(reason), CancelOrigin::kTask, caller->label()));
  return cancel(CancelledError(std::move(reason)));
}

std::size_t TaskBlock::uncancel() {
  std::uint32_t asked = cancels_asked_;
  while (asked > 0 && !cancels_asked_.compare_exchange_weak(asked, asked - 1)) {
  }
  if (asked != 1) return asked == 0 ? 0 : asked - 1;
  inbox_->reach([self = Ref<TaskBlock>(*this)] {
    if (self->cancels_asked_ == 0 && !self->done() && !self->delivering_) self->cancel_.reset();
  });
  return 0;
}

void TaskBlock::throw_cancelled() {
  // By value: what is thrown is not ours any more, and the task may be asked again.
  const std::unique_ptr<CancelledError> request = std::move(cancel_);
  delivering_ = false;
  throw CancelledError(*request);
}

void TaskBlock::end_before_first_step() noexcept {
  keep_error(take_request());
  finish(TaskState::kCancelled);
}

std::exception_ptr TaskBlock::take_request() noexcept {
  const std::unique_ptr<CancelledError> request = std::move(cancel_);
  return std::make_exception_ptr(*request);
}

TaskState TaskBlock::how_it_ended() const noexcept {
  const std::exception_ptr error = this->error();
  if (!error) return TaskState::kFinished;
  try {
    std::rethrow_exception(error);
  } catch (const CancelledError&) {
    return TaskState::kCancelled;
  } catch (...) {
    return TaskState::kFailed;
  }
}

void TaskBlock::finish(TaskState how) noexcept {
  frame_.reset();
  move_to(how);
  joiners_.wake_all();
  while (!done_callbacks_.empty()) host_->ready().push(done_callbacks_.pop());
  while (!at_end_.empty()) at_end_.pop().run();
  host_->task_done(*this);  // last: it may be the end of this block
}

void TaskBlock::add_done_callback(OwnedRunnable callback) {
  // In this order: where it never runs, our reference goes first, and then who waits is told. What is
  // to be moved out of the task must have one handle only.
  auto add = [callback = std::move(callback), self = Ref<TaskBlock>(*this)]() mutable {
    (self->done() ? self->host_->ready() : self->done_callbacks_).push(*callback.release());
  };
  if (!inbox_->reach(std::move(add))) throw LoopClosedError("the loop of " + label() + " is gone");
}

bool TaskBlock::run_at_end(OwnedRunnable runnable) {
  return inbox_->reach([runnable = std::move(runnable), self = Ref<TaskBlock>(*this)]() mutable {
    if (!self->done()) return self->at_end_.push(*runnable.release());
    self = {};  // first, as in add_done_callback()
    runnable.release()->run();
  });
}

void TaskBlock::wait_for_end_with_loop() const noexcept {
  for (TaskState seen = state(); seen < TaskState::kFinished; seen = state()) state_.wait(seen);
}

void TaskBlock::detach() noexcept {
  if (done()) {
    if (const auto report = lost_error()) report();
    return;
  }
  waiting_at_ = nullptr;
  Frame::destroy_chain(std::exchange(resume_at_, nullptr));
  keep_error(std::make_exception_ptr(CancelledError({}, CancelOrigin::kLoopClosing)));
  move_to(TaskState::kCancelled);
  state_.notify_all();
  while (!done_callbacks_.empty()) done_callbacks_.pop().discard();
  while (!at_end_.empty()) at_end_.pop().discard();
}

void TaskBlock::release_failed() noexcept {
  // The last handle to go leaves an error that nobody can ask for, and the one to tell is the loop.
  // Who is last is found out on its thread; two handles may go at the same time.
  struct Drop {
    void operator()(TaskBlock* task) const noexcept { task->drop(1); }
  };
  std::unique_ptr<TaskBlock, Drop> handle(this);
  const Ref<Inbox> inbox = inbox_;
  std::function<void()> report;
  {
    const LoopClaim claim(*inbox, LoopClaim::Kind::kActs);
    if (claim || inbox->runs_here()) report = handle.release()->handle_of_failed_dropped();
  }
  if (report) return report();  // after the claim: the handler may destroy the loop
  if (!handle) return;
  inbox->reach([handle = std::move(handle)]() mutable {
    if (const auto lost = handle.release()->handle_of_failed_dropped()) lost();
  });
}

std::function<void()> TaskBlock::handle_of_failed_dropped() {
  const std::uint32_t before = references_.fetch_sub(1, std::memory_order_acq_rel);
  if (before == 1) delete this;  // the loop goes, and has let go of it already
  if (before != kOfLoop + kKeepsError + 1) return {};
  unlink();
  auto report = lost_error();
  leave_loop();
  return report;
}

std::function<void()> TaskBlock::lost_error() {
  if (state() != TaskState::kFailed || retrieved_.exchange(true)) return {};
  return host_->error_lost(*this, error());
}

std::exception_ptr AnyTask::exception() const {
  if (!done()) throw InvalidStateError(label() + " has no error yet: it is not done");
  block().mark_retrieved();
  if (cancelled()) std::rethrow_exception(block().error());
  return block().error();
}

bool Join::join(PromiseBase& caller) {
  if (target_->done()) return false;
  if (&caller.task() == &*target_)
    throw InvalidStateError(target_->label() + " cannot wait for itself");
  if (&*caller.task().inbox() != &*target_->inbox()) {
    throw InvalidStateError(target_->label() +
                            " belongs to another loop, or its loop is gone; to wait for a task of "
                            "another loop, make it with run_coroutine_threadsafe()");
  }
  target_->add_joiner(*this);
  suspend(caller);
  return true;
}

}  // namespace treadle
