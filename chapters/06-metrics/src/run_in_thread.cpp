#include "treadle/run_in_thread.hpp"

#include <new>

namespace treadle {

void ThreadJob::run() {
  if (!std::exchange(worked_, true)) return work_if_wanted();
  come_home();
}

void ThreadJob::work_if_wanted() noexcept {
  Stage queued = Stage::kQueued;
  if (!stage_.compare_exchange_strong(queued, Stage::kBegun)) return release();
  work();
  if (!home_->post(*this)) release();
}

void ThreadJob::come_home() noexcept {
  const auto self = Ref<ThreadJob>::adopt(*this);
  if (Suspension* const waits = end_waiting()) return waits->wake();
  if (!error() || gave_up_) return;
  try {
    loop_.call_exception_handler({"a job in a thread failed, and nobody waited for it", error()});
  } catch (const std::bad_alloc&) {
    return;  // there is no memory to say it
  }
}

Suspension* ThreadJob::end_waiting() noexcept {
  if (waits_ != nullptr) loop_.work_finished();
  return std::exchange(waits_, nullptr);
}

void ThreadJob::discard() noexcept {
  if (std::exchange(worked_, true)) return release();  // its loop goes, and nobody wants the result
  Stage queued = Stage::kQueued;
  if (!stage_.compare_exchange_strong(queued, Stage::kBegun)) return release();
  gave_up_ = true;  // its pool goes, and only a task that waits need know
  give_up();
  if (!home_->post(*this)) release();
}

void ThreadJob::abandon() noexcept {
  end_waiting();
  Stage queued = Stage::kQueued;
  if (stage_.compare_exchange_strong(queued, Stage::kAbandoned)) drop_function();
}

}  // namespace treadle
