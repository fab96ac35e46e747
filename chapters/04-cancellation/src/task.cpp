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

CancelToken::CancelToken() noexcept = default;

CancelToken::~CancelToken() {
  if (task_) task_->uncancel(*this);
}

CancelledError PromiseBase::take_cancel() noexcept {
  interrupted_ = false;
  return task_->take_cancel();
}

std::exception_ptr PromiseBase::leaving_error() const noexcept {
  return task_->read_again(std::current_exception());
}

TaskBlock::TaskBlock(TaskHost& host, Id id, Frame frame) noexcept
    : id_(id), host_(&host), frame_(std::move(frame)), resume_at_(frame_.promise()) {
  precondition(resume_at_ != nullptr, "a Coro becomes a task once");
  resume_at_->start_for(*this);
}

std::string TaskBlock::label() const { return fmt::format("Task-{}", id_); }

std::string TaskBlock::waits_for() const { return waiting_at_ ? waiting_at_->waits_for() : ""; }

void TaskBlock::run() {
  if (state_ == TaskState::kPending && requests_.pending()) return end_before_first_step();
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
  precondition(may_follow(state_, next), "a task goes from state to state as may_follow() says");
  state_ = next;
}

void TaskBlock::yield(PromiseBase& promise) noexcept {
  yielded_ = true;
  let_others_run(promise);
  if (requests_.pending()) interrupt(promise);  // last, so that the quick way saves no registers
}

bool TaskBlock::cancel(CancelledError request) {
  if (done() || resume_at_ == nullptr) return false;  // its own locals may ask while they go
  requests_.add(std::move(request));
  deliver_cancel();
  return true;
}

bool TaskBlock::cancel(CancelledError request, CancelToken& token) {
  if (done() || resume_at_ == nullptr || token.requested()) return false;
  token.task_ = Ref<TaskBlock>(*this);
  requests_.add(token, std::move(request));
  deliver_cancel();
  return true;
}

// Where the task is, it hears of its requests next: at once if it waits.
void TaskBlock::deliver_cancel() noexcept {
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
  promise.interrupt();
  requests_.begin_delivery();
}

bool TaskBlock::cancel_from_here(std::string reason) {
  if (done()) return false;
  if (const TaskBlock* caller = host_->current())
    return cancel(CancelledError(std::move(reason), CancelOrigin::kTask, caller->label()));
  return cancel(CancelledError(std::move(reason)));
}

std::size_t TaskBlock::uncancel() noexcept {
  requests_.take_back_newest();
  return requests_.count();
}

std::size_t TaskBlock::uncancel(CancelToken& token) noexcept {
  if (!token.task_ || &*token.task_ != this) return requests_.count();
  requests_.take_back(token);
  token.error_ = CancelledError();
  const Ref<TaskBlock> task = std::move(token.task_);  // perhaps the last one
  return requests_.count();
}

void TaskBlock::end_before_first_step() noexcept {
  keep_error(std::make_exception_ptr(take_cancel()));
  finish(TaskState::kCancelled);
}

TaskState TaskBlock::how_it_ended() const noexcept {
  const std::exception_ptr error = this->error();
  if (!error) return TaskState::kFinished;
  return as_cancelled(error) != nullptr ? TaskState::kCancelled : TaskState::kFailed;
}

void TaskBlock::finish(TaskState how) noexcept {
  frame_.reset();
  // Only here: an argument may have held a token, which takes its request back.
  if (how == TaskState::kCancelled) keep_error(read_again(error()));
  move_to(how);
  run_completions();
  host_->task_done(*this);  // last: it may be the end of this block
}

void TaskBlock::run_completions() noexcept {
  while (!completions_.empty()) completions_.pop_front().on_done(*this);
}

void TaskBlock::add_done_callback(Completion& callback) {
  if (host_ == nullptr) throw LoopClosedError("the loop of " + label() + " is gone");
  add_completion(callback);
}

void TaskBlock::detach() noexcept {
  if (!done()) {
    waiting_at_ = nullptr;
    Frame::destroy_chain(std::exchange(resume_at_, nullptr));
    keep_error(std::make_exception_ptr(CancelledError({}, CancelOrigin::kLoopClosing)));
    move_to(TaskState::kCancelled);
    run_completions();  // callbacks are discarded with all that the loop still has to run
  } else {
    report_lost_error();
  }
  host_ = nullptr;
}

void TaskBlock::abandon_ending() noexcept {
  unlink();  // first: the handler may destroy the loop, which lets go of all that it finds
  report_lost_error();
  drop_value();
}

void TaskBlock::report_lost_error() noexcept {
  if (retrieved_ || host_ == nullptr) return;
  retrieved_ = true;
  if (state_ == TaskState::kFailed) host_->error_lost(*this, error());
}

std::exception_ptr TaskBlock::ending_error() const {
  if (!done()) throw InvalidStateError(label() + " has no error yet: it is not done");
  if (state_ == TaskState::kCancelled) std::rethrow_exception(error());
  return error();
}

bool Join::join(PromiseBase& caller) {
  if (target_.done()) return false;
  if (&caller.task() == &target_)
    throw InvalidStateError(target_.label() + " cannot wait for itself");
  if (caller.task().host() != target_.host()) {
    throw InvalidStateError(target_.label() + " belongs to another loop, or its loop is gone");
  }
  target_.add_completion(*this);
  suspend(caller);
  return true;
}

}  // namespace treadle
