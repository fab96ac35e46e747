#include "treadle/task.hpp"

#include <fmt/format.h>

namespace treadle {

void Suspension::wake() noexcept { task_->wake(); }

void Suspension::suspend(PromiseBase& promise) noexcept {
  task_ = &promise.task();
  task_->wait(promise, *this);
}

TaskBlock::TaskBlock(TaskHost& host, Id id, Frame frame) noexcept
    : id_(id), host_(&host), frame_(std::move(frame)), resume_at_(frame_.promise()) {
  precondition(resume_at_ != nullptr, "a Coro becomes a task once");
  resume_at_->start_for(*this);
}

std::string TaskBlock::label() const { return fmt::format("Task-{}", id_); }

std::string TaskBlock::waits_for() const { return waiting_at_ ? waiting_at_->waits_for() : ""; }

void TaskBlock::run() {
  resume_at_->handle().resume();
  if (frame_.done()) return finish();
  precondition(queued() || waiting_at_ != nullptr,
               "a task is suspended only by an awaiter that can make it ready again");
}

void TaskBlock::finish() noexcept {
  keep_result(*frame_.promise());
  frame_.reset();
  done_ = true;
  joiners_.wake_all();
  host_->task_done(*this);  // last: it may be the end of this block
}

void TaskBlock::detach() noexcept {
  if (!done_) {
    waiting_at_ = nullptr;
    Frame::destroy_chain(std::exchange(resume_at_, nullptr));
  } else {
    report_lost_error();
  }
  host_ = nullptr;
}

void TaskBlock::forget() noexcept {
  unlink();  // first: the handler may destroy the loop, which lets go of all that it finds
  report_lost_error();
  delete this;
}

void TaskBlock::report_lost_error() noexcept {
  if (retrieved_ || host_ == nullptr) return;
  retrieved_ = true;
  if (auto lost = error()) host_->error_lost(*this, std::move(lost));
}

bool Join::join(PromiseBase& caller) {
  if (target_->done()) return false;
  if (&caller.task() == &*target_)
    throw InvalidStateError(target_->label() + " cannot wait for itself");
  if (caller.task().host() != target_->host()) {
    throw InvalidStateError(target_->label() + " belongs to another loop, or its loop is gone");
  }
  target_->add_joiner(*this);
  suspend(caller);
  return true;
}

}  // namespace treadle
