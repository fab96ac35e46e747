#include "treadle/inbox.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "treadle/errors.hpp"

#ifdef __linux__
#include <sys/syscall.h>
#else
#include <functional>
#include <thread>
#endif

namespace treadle {

namespace {

// Whose turn this thread takes. Only functions of this file ask it, which no coroutine is compiled
// into: a compiler may remember the address of a thread_local from before a suspension.
thread_local const Inbox* run_by_this_thread = nullptr;

// And whose it takes while nobody does.
thread_local const Inbox* stood_in_for = nullptr;

long number_of_this_thread() noexcept {
#ifdef __linux__
  thread_local const long number = ::syscall(SYS_gettid);  // the one that top(1) and gdb show
  return number;
#else
  return static_cast<long>(std::hash<std::thread::id>{}(std::this_thread::get_id()));
#endif
}

}  // namespace

bool Inbox::runs_here() const noexcept { return run_by_this_thread == this; }

bool Inbox::stands_in_here() const noexcept { return stood_in_for == this; }

Inbox::StandIn::StandIn(const Inbox& inbox) noexcept
    : before_(std::exchange(stood_in_for, &inbox)) {}

Inbox::StandIn::~StandIn() { stood_in_for = before_; }

void Inbox::throw_no_answer() const {
  throw TimeoutError(
      fmt::format("the loop has not answered for {} s: the step that it takes, the last one known "
                  "of task number {}, "
                  "does not end",
                  kPatience.count(), last_step_.load(std::memory_order_relaxed)));
}

const Inbox* Inbox::of_this_thread() noexcept { return run_by_this_thread; }

void Inbox::require_no_loop_here() {
  if (run_by_this_thread != nullptr)
    throw InvalidStateError("to wait for another thread would block the loop that this one runs");
}

bool Inbox::post(Runnable& runnable) noexcept {
  if (stands_in_here()) {
    ready_->push(runnable);
    return true;
  }
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  if (!running_) {
    ready_->push(runnable);
    return true;
  }
  queue_.push(runnable);
  has_mail_.store(true, std::memory_order_relaxed);
  if (std::exchange(sleeping_, false)) ring(lock);
  return true;
}

void Inbox::wake() noexcept {
  if (stands_in_here()) return;  // nobody sleeps
  std::unique_lock lock(mutex_);
  if (!closed_) ring(lock);
}

void Inbox::ring(std::unique_lock<std::mutex>& lock) noexcept {
  // Written without the mutex: whom we wake would run into it at once. And what he finds may be the
  // end of the loop, so meanwhile the count keeps the descriptor open, and the reference the inbox.
  ++signalling_;
  retain();
  lock.unlock();
  wakeup_->signal();
  lock.lock();
  if (--signalling_ == 0 && closed_) wakeup_.reset();
  lock.unlock();
  release();
}

Inbox::Begin Inbox::begin() noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_) return Begin::kClosed;
  if (running_) return Begin::kRunsAlready;
  running_ = true;
  runner_ = number_of_this_thread();
  run_by_this_thread = this;
  return Begin::kBegun;
}

void Inbox::end(const Inbox* before) noexcept {
  const std::lock_guard lock(mutex_);
  if (!closed_) take_locked();
  running_ = false;
  runner_ = 0;
  run_by_this_thread = before;
}

bool Inbox::may_sleep() noexcept {
  const std::lock_guard lock(mutex_);
  sleeping_ = queue_.empty();
  return sleeping_;
}

std::size_t Inbox::take() noexcept {
  const std::lock_guard lock(mutex_);
  return take_locked();
}

std::size_t Inbox::take_locked() noexcept {
  sleeping_ = false;
  has_mail_.store(false, std::memory_order_relaxed);
  return ready_->append(queue_);
}

void Inbox::close() noexcept {
  const std::lock_guard lock(mutex_);
  take_locked();
  closed_ = true;
  wakeup_->leave();  // here, and not on the thread of who comes last
  if (signalling_ == 0) wakeup_.reset();
}

std::string Inbox::say_wrong_thread(const char* object) const {
  return fmt::format("{} belongs to the loop that thread {} runs, and thread {} used it", object,
                     runner_.load(), number_of_this_thread());
}

void Inbox::throw_wrong_thread(const char* object) const {
  throw WrongThreadError(say_wrong_thread(object));
}

void Inbox::fail_wrong_thread(const char* object) const noexcept {
  fail_check(say_wrong_thread(object).c_str(), std::source_location::current());
}

}  // namespace treadle
