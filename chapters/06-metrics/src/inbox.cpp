#include "treadle/inbox.hpp"

#include <fmt/chrono.h>
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
thread_local Inbox* run_by_this_thread = nullptr;

// And whose it takes while nobody does.
thread_local const Inbox* stood_in_for = nullptr;

// Set by exit() on the thread that calls it, before anything static is destroyed; and when a thread
// ends.
thread_local bool thread_has_ended = false;

struct NoteEnd {
  NoteEnd() noexcept {}
  ~NoteEnd() { thread_has_ended = true; }
};

#ifdef __linux__
thread_local long thread_number = 0;
#endif

// Added to the references that all threads count, for as long as one thread counts its own apart: so
// theirs do not come to 0 meanwhile, whoever of them gives back what he has got from that one.
constexpr int kRunning = 1 << 30;

long number_of_this_thread() noexcept {
#ifdef __linux__
  if (thread_number == 0)
    thread_number = ::syscall(SYS_gettid);  // the one that top(1) and gdb show
  return thread_number;
#else
  return static_cast<long>(std::hash<std::thread::id>{}(std::this_thread::get_id()));
#endif
}

}  // namespace

bool Inbox::runs_here() const noexcept { return run_by_this_thread == this; }

void Inbox::retain() noexcept {
  if (runs_here()) {
    ++own_references_;
  } else {
    references_.fetch_add(1, std::memory_order_relaxed);
  }
}

void Inbox::release() noexcept {
  if (runs_here()) {
    --own_references_;  // never the last: the loop that runs has one
  } else if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    delete this;
  }
}

void Inbox::throw_no_answer(Delay patience) const {
  throw TimeoutError(
      fmt::format("the loop has not answered for {}: it takes a step that does not end, as far as "
                  "it is known one of task {}",
                  std::chrono::duration<double>(patience.in_nanoseconds()),
                  last_step_.load(std::memory_order_relaxed)));
}

Inbox* Inbox::of_this_thread() noexcept { return run_by_this_thread; }

std::uint32_t Inbox::note_fork() noexcept {
  [[maybe_unused]] static const bool begins = call_in_child(begin_as_child);
  return note_process();
}

void Inbox::begin_as_child() noexcept {
  // Where fork(2) was called in a step, the loop looks here before the next turn, and is told.
  if (Inbox* const inbox = run_by_this_thread) inbox->has_mail_ = true;
  run_by_this_thread = nullptr;
  stood_in_for = nullptr;
#ifdef __linux__
  thread_number = 0;
#endif
}

bool Inbox::is_deserted() const noexcept {
  return runs() && (is_of_parent() || (runs_here() && thread_has_ended));
}

const char* Inbox::why_closed() const noexcept {
  return is_of_parent()
             ? "this loop was made before fork(2), and is the parent's: a child makes its own"
             : "this loop is closed";
}

void Inbox::require_no_loop_here() {
  if (run_by_this_thread != nullptr)
    throw InvalidStateError("to wait for another thread would block the loop that this one runs");
}

bool Inbox::stands_in_here() const noexcept { return stood_in_for == this; }

Inbox::StandIn::StandIn(const Inbox& inbox) noexcept
    : before_(std::exchange(stood_in_for, &inbox)) {}

Inbox::StandIn::~StandIn() { stood_in_for = before_; }

bool Inbox::post(Runnable& runnable) noexcept {
  if (stands_in_here()) {
    ready_->push(runnable);
    return true;
  }
  if (is_of_parent()) return false;
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  if (!running_) {
    ready_->push(runnable);
    return true;
  }
  queue_.push(runnable);
  open_calls_ = nullptr;
  mail_has_come(lock);
  return true;
}

PostedCalls& Inbox::open_calls() {
  if (open_calls_ == nullptr) {
    if (!spare_calls_) spare_calls_ = std::make_unique<PostedCalls>(*this);
    open_calls_ = spare_calls_.release();
    queue_.push(*open_calls_);
  }
  return *open_calls_;
}

void Inbox::give_back(std::unique_ptr<PostedCalls> calls) noexcept {
  if (is_of_parent()) return;
  const std::lock_guard lock(mutex_);
  spare_calls_.swap(calls);  // one that was there goes when the lock has been given back
}

void Inbox::mail_has_come(std::unique_lock<std::mutex>& lock) noexcept {
  has_mail_.store(true, std::memory_order_relaxed);
  posts_.store(posts() + 1, std::memory_order_relaxed);  // the mutex is held: nobody else writes
  if (std::exchange(sleeping_, false)) ring(lock);
}

void Inbox::wake() noexcept {
  if (stands_in_here() || is_of_parent()) return;  // no thread sleeps here
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
  [[maybe_unused]] thread_local const NoteEnd notes_end;
  const std::lock_guard lock(mutex_);
  if (closed_) return Begin::kClosed;
  if (running_) return Begin::kRunsAlready;
  running_ = true;
  references_.fetch_add(kRunning, std::memory_order_relaxed);
  runner_ = number_of_this_thread();
  run_by_this_thread = this;
  return Begin::kBegun;
}

bool Inbox::runs_elsewhere() const noexcept {
  return runs() && !is_of_parent() && runner_ != number_of_this_thread();
}

bool Inbox::post_errand(AnyErrand& errand) noexcept {
  if (is_of_parent()) return false;
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  if (running_) {
    queue_.push(errand);
    open_calls_ = nullptr;
    mail_has_come(lock);
  } else {
    const StandIn here(*this);
    ReadyQueue errands;
    errands.push(errand);
    do_all(errands);
  }
  return true;
}

void Inbox::do_all(ReadyQueue& errands) noexcept {
  while (!errands.empty()) {
    try {
      errands.pop().run();
    } catch (...) {
      errors_->callback_failed();
    }
  }
}

void Inbox::end(Inbox* before) noexcept {
  if (is_of_parent()) return runner_.store(0);
  std::unique_lock lock(mutex_);
  ReadyQueue late;
  for (take_errands(late); !late.empty(); take_errands(late)) {
    lock.unlock();  // they may reach for other loops, whose threads do the same
    do_all(late);
    lock.lock();
  }
  running_ = false;
  references_.fetch_add(std::exchange(own_references_, 0) - kRunning, std::memory_order_acq_rel);
  runner_ = 0;
  run_by_this_thread = before;
}

// Of what lies here, the errands go to `errands`, and callbacks to those that are ready.
void Inbox::take_errands(ReadyQueue& errands) noexcept {
  while (!queue_.empty()) {
    posts_taken_ = posts();
    Runnable& each = queue_.pop();
    const bool is_errand = dynamic_cast<AnyErrand*>(&each) != nullptr;
    (is_errand ? errands : *ready_).push(each);
  }
  nothing_is_left();
}

bool Inbox::may_sleep() noexcept {
  if (is_of_parent()) return false;
  const std::lock_guard lock(mutex_);
  sleeping_ = queue_.empty();
  return sleeping_;
}

std::size_t Inbox::take() {
  if (is_of_parent()) throw LoopClosedError(why_closed());
  const std::lock_guard lock(mutex_);
  return take_all();
}

void Inbox::nothing_is_left() noexcept {
  sleeping_ = false;
  has_mail_.store(false, std::memory_order_relaxed);
  open_calls_ = nullptr;
}

std::size_t Inbox::take_all() noexcept {
  nothing_is_left();
  posts_taken_ = posts();
  return ready_->append(queue_);
}

void Inbox::close() noexcept {
  if (is_of_parent()) return;
  const std::lock_guard lock(mutex_);
  take_all();
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
  fail_precondition(say_wrong_thread(object).c_str(), std::source_location::current());
}

}  // namespace treadle
