#include "treadle/run_coroutine_threadsafe.hpp"

namespace treadle {

void ThreadThatWaits::discard() noexcept {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  release();
}

bool ThreadThatWaits::block_until(std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return done_; };
  if (deadline) return changed_.wait_until(lock, *deadline, done);
  changed_.wait(lock, done);
  return true;
}

bool block_until_done(const AnyTask& task, Ref<ThreadThatWaits>& waiter,
                      std::optional<Clock::time_point> deadline) {
  if (task.done()) return true;
  if (LoopClaim::any_here()) {
    throw InvalidStateError("to block until " + task.label() +
                            " is done would block the loop that this thread runs: await it");
  }
  if (!waiter) {
    waiter = Ref<ThreadThatWaits>::adopt(*new ThreadThatWaits);
    if (!task.block().run_at_end(OwnedRunnable(&*waiter))) {
      task.block().wait_for_end_with_loop();
      return true;
    }
  }
  return waiter->block_until(deadline);
}

void Traveller::run() {
  if (!std::exchange(under_way_, true)) return go_home();
  const auto self = Ref<Traveller>::adopt(*this);
  if (join_ != nullptr) std::exchange(join_, nullptr)->wake();
}

// The task's loop is gone, or our own.
void Traveller::discard() noexcept {
  if (!std::exchange(under_way_, true)) return go_home();
  release();
}

void Traveller::go_home() noexcept {
  if (!home_->post(*this)) release();
}

bool RemoteJoin::join(PromiseBase& caller) {
  if (target_.done()) return false;
  if (&caller.task() == &target_.block())
    throw InvalidStateError(target_.label() + " cannot wait for itself");
  const bool is_there = kept_ && kept_->free_for(*caller.task().inbox());
  if (!is_there) kept_ = Ref<Traveller>::adopt(*new Traveller(caller.task().inbox()));
  Traveller& traveller = *kept_;
  traveller_ = kept_;
  traveller.meet(*this);
  suspend(caller);
  if (is_there) return true;
  // Last, as it may be home before this has returned; there it waits for its turn. Where the loop is
  // gone it was discarded, and so is on its way: it must not find a task that is not done.
  if (!target_.block().run_at_end(OwnedRunnable(&traveller)))
    target_.block().wait_for_end_with_loop();
  return true;
}

void RemoteJoin::withdraw() noexcept {
  if (const auto traveller = std::exchange(traveller_, {})) traveller->forget();
}

}  // namespace treadle
