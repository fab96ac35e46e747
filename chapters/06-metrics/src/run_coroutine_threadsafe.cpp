#include "treadle/run_coroutine_threadsafe.hpp"

namespace treadle {

namespace {

bool tell_when_done(TaskBlock& task, Completion& completion) {
  return task.add_completion_threadsafe(OwnedCompletion(&completion, {Ref<TaskBlock>(task)}));
}

}  // namespace

void BlockingWaiter::on_done(TaskBlock& /*task*/) noexcept {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  release();
}

bool BlockingWaiter::block_until(std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return done_; };
  if (deadline) return changed_.wait_until(lock, *deadline, done);
  changed_.wait(lock, done);
  return true;
}

bool block_until_done(const AnyTask& task, Ref<BlockingWaiter>& waiter,
                      std::optional<Clock::time_point> deadline) {
  if (task.done()) return true;
  if (LoopClaim::any_here()) {
    throw InvalidStateError("to block until " + task.label() +
                            " is done would block the loop that this thread runs: await it");
  }
  if (!waiter) {
    waiter = Ref<BlockingWaiter>::adopt(*new BlockingWaiter);
    if (!tell_when_done(task.block(), *waiter)) {
      task.block().wait_for_end_with_loop();
      return true;
    }
  }
  return waiter->block_until(deadline);
}

void CrossLoopWaker::on_done(TaskBlock& /*task*/) noexcept {
  if (!home_->post(*this)) release();
}

void CrossLoopWaker::run() {
  const auto self = Ref<CrossLoopWaker>::adopt(*this);
  if (join_ != nullptr) std::exchange(join_, nullptr)->wake();
}

// Whatever can fail comes before the suspension: after it, an error would leave a task that waits at an
// awaiter which is gone. The waker may be home before this has returned; there it waits for its turn.
bool RemoteJoin::join(PromiseBase& caller) {
  if (target_.done()) return false;
  if (&caller.task() == &target_)
    throw InvalidStateError(target_.label() + " cannot wait for itself");
  if (!kept_ || !kept_->reusable_for(*caller.task().inbox())) {
    const auto waker = Ref<CrossLoopWaker>::adopt(*new CrossLoopWaker(caller.task().inbox()));
    // If the loop is gone it is on its way home already: it must not find a task that is not done.
    if (!tell_when_done(target_, *waker)) target_.wait_for_end_with_loop();
    kept_ = waker;
  }
  waker_ = kept_;
  waker_->arm(*this);
  (loop_ = &EventLoop::of(caller.task()))->work_started();
  suspend(caller);
  return true;
}

void RemoteJoin::withdraw() noexcept {
  const auto waker = std::exchange(waker_, {});
  if (!waker) return;
  waker->disarm();
  loop_->work_finished();
}

}  // namespace treadle
