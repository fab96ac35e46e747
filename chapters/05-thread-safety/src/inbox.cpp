#include "treadle/inbox.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <limits>
#include <thread>

#include "treadle/errors.hpp"

#ifdef __linux__
#include <sys/syscall.h>
#else
#include <functional>
#endif

namespace treadle {

namespace {

// The claims of this thread, the innermost first. Only functions of this file ask for them, which no
// coroutine is compiled into: a compiler may remember the address of a thread_local from before a
// suspension.
thread_local LoopClaim* innermost_claim = nullptr;

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

long number_of_this_thread() noexcept {
#ifdef __linux__
  if (thread_number == 0)
    thread_number = ::syscall(SYS_gettid);  // the one that top(1) and gdb show
  return thread_number;
#else
  return static_cast<long>(std::hash<std::thread::id>{}(std::this_thread::get_id()) %
                           std::numeric_limits<long>::max()) +
         1;
#endif
}

}  // namespace

bool Inbox::runs_here() const noexcept {
  for (const LoopClaim* claim = innermost_claim; claim != nullptr; claim = claim->outer_)
    if (&*claim->inbox_ == this) return true;
  return false;
}

LoopClaim::LoopClaim(Inbox& inbox, Kind kind) noexcept
    : inbox_(inbox),
      kind_(kind),
      owner_(kind == Kind::kRuns ? number_of_this_thread() : -number_of_this_thread()),
      outcome_(begin()) {
  if (!*this) return;
  outer_ = std::exchange(innermost_claim, this);
  // What the thread before us has left, to keep the order. A loop that runs takes it in its first turn.
  if (kind == Kind::kActs && inbox.has_mail()) inbox.settle();
}

LoopClaim::Outcome LoopClaim::begin() noexcept {
  [[maybe_unused]] thread_local const NoteEnd notes_end;
  Inbox& inbox = *inbox_;
  if (inbox.is_of_parent()) return Outcome::kClosed;
  std::unique_lock lock(inbox.mutex_);
  if (kind_ == Kind::kRuns) {
    // Counted, so that no other thread claims the loop to act on it before we are awake.
    ++inbox.runners_waiting_;
    inbox.changed_.wait(lock, [&] { return inbox.owner_ >= 0; });
    --inbox.runners_waiting_;
  }
  if (inbox.closed_) return Outcome::kClosed;
  if (inbox.owner_ != 0 || (kind_ == Kind::kActs && !inbox.is_free())) return Outcome::kTaken;
  inbox.owner_ = owner_;
  return Outcome::kClaimed;
}

LoopClaim::~LoopClaim() {
  if (!*this) return;
  do {
    if (inbox_->has_mail()) inbox_->settle();
  } while (give_up());
  if (innermost_claim == this) innermost_claim = outer_;  // else we are in a child of fork(2)
}

bool LoopClaim::any_here() noexcept { return innermost_claim != nullptr; }

bool LoopClaim::acts_here() noexcept {
  for (const LoopClaim* claim = innermost_claim; claim != nullptr; claim = claim->outer_)
    if (claim->kind_ == Kind::kActs) return true;
  return false;
}

// True if something has been posted, and no thread has come that would do it: then this one has claimed the
// loop once more. Threads that post without end do not keep it, because one of them comes in between.
bool LoopClaim::give_up() noexcept {
  Inbox& inbox = *inbox_;
  if (inbox.is_of_parent()) return inbox.owner_.store(0), false;
  std::unique_lock lock(inbox.mutex_);
  inbox.owner_ = 0;
  inbox.changed_.notify_all();
  if (inbox.queue_.empty() || !inbox.is_free()) return false;
  lock.unlock();
  std::this_thread::yield();
  lock.lock();
  if (inbox.queue_.empty() || !inbox.is_free()) return false;
  inbox.owner_ = owner_;
  return true;
}

// Does what has been posted so far, in place of a turn. Callbacks are for a turn, and become ready.
void Inbox::settle() noexcept {
  if (is_of_parent()) return;
  ReadyQueue posted;
  {
    const std::lock_guard lock(mutex_);
    nothing_is_left();
    posted.append(queue_);
  }
  while (!posted.empty()) {
    Runnable& each = posted.pop();
    if (dynamic_cast<AnyErrand*>(&each) == nullptr) {
      ready_->push(each);
      continue;
    }
    try {
      each.run();
    } catch (...) {
      errors_->callback_failed();
    }
  }
}

std::uint32_t Inbox::note_fork() noexcept {
  [[maybe_unused]] static const bool begins = call_in_child(begin_as_child);
  return note_process();
}

void Inbox::begin_as_child() noexcept {
  // If fork(2) was called in a step, the loop looks here before the next turn, and is told.
  for (const LoopClaim* claim = innermost_claim; claim != nullptr; claim = claim->outer_)
    claim->inbox_->has_mail_ = true;
  innermost_claim = nullptr;
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

bool Inbox::post(Runnable& runnable) noexcept {
  if (runs_here()) {
    if (!closed_) ready_->push(runnable);
    return !closed_;
  }
  if (is_of_parent()) return false;
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  if (is_free() && queue_.empty()) {
    ready_->push(runnable);
  } else {
    enqueue(runnable, lock);
  }
  return true;
}

void Inbox::enqueue(Runnable& runnable, std::unique_lock<std::mutex>& lock) noexcept {
  queue_.push(runnable);
  open_calls_ = nullptr;
  mail_has_come(lock);
}

bool Inbox::post_errand(AnyErrand& errand) noexcept {
  if (is_of_parent()) return false;
  std::unique_lock lock(mutex_);
  return add_errand(errand, lock);
}

bool Inbox::add_errand(AnyErrand& errand, std::unique_lock<std::mutex>& lock) noexcept {
  if (closed_) return false;
  const bool was_free = is_free();
  enqueue(errand, lock);
  if (!was_free) return true;
  if (lock.owns_lock()) lock.unlock();
  const LoopClaim does_it(*this, LoopClaim::Kind::kActs);
  return true;
}

void Inbox::submit(Question& question, Delay timeout) {
  const auto end = Clock::later(SteadyClock::instance().now(), timeout.in_nanoseconds());
  OwnedRunnable posted(&question);
  if (is_of_parent()) return;
  std::unique_lock lock(mutex_);
  require_no_circle();
  if (!add_errand(question, lock)) {
    question.state_ = Question::State::kRefused;
  } else {
    static_cast<void>(posted.release());
    if (!lock.owns_lock()) lock.lock();
  }
  if (!await_answer(question, lock, end)) throw_no_answer(timeout);
}

// False if it took too long.
bool Inbox::await_answer(Question& question, std::unique_lock<std::mutex>& lock,
                         Clock::time_point end) {
  using State = Question::State;
  const auto over = [&] {  // a loop that is closing moves until its claim ends
    return question.state_ == State::kAnswered ||
           (question.state_ == State::kRefused && owner_ == 0);
  };
  if (changed_.wait_until(lock, end, over)) return true;
  if (question.state_ == State::kAsked) question.state_ = State::kGivenUp;
  changed_.wait(lock, [&] { return question.state_ != State::kBegun; });  // it uses what is ours
  return over();
}

// False if it was given up, and stays so.
bool Inbox::Question::move_to(State next) noexcept {
  const std::lock_guard lock(inbox_.mutex_);
  if (state_ == State::kGivenUp) return false;
  state_ = next;
  inbox_.changed_.notify_all();
  return true;
}

void Inbox::Question::run() {
  const auto self = Ref<Question>::adopt(*this);
  if (!move_to(State::kBegun)) return;
  call_(f_);
  move_to(State::kAnswered);
}

void Inbox::Question::discard() noexcept {
  move_to(State::kRefused);
  release();
}

void Inbox::require_no_circle() const {
  if (owner_ == 0 || !(owner_ > 0 ? LoopClaim::any_here() : LoopClaim::acts_here())) return;
  throw InvalidStateError("to wait for another thread would block the loop that this one runs");
}

void Inbox::throw_no_answer(Delay timeout) {
  throw TimeoutError(
      fmt::format("the loop has not answered for {}: it takes a step that does not end",
                  std::chrono::duration<double>(timeout.in_nanoseconds())));
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
  if (std::exchange(sleeping_, false)) ring(lock);
}

void Inbox::wake() noexcept {
  if (runs_here() || is_of_parent()) return;  // the thread that would sleep is this one
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
                     std::abs(owner_.load()), number_of_this_thread());
}

void Inbox::throw_wrong_thread(const char* object) const {
  throw WrongThreadError(say_wrong_thread(object));
}

void Inbox::fail_wrong_thread(const char* object) const noexcept {
  fail_precondition(say_wrong_thread(object).c_str(), std::source_location::current());
}

}  // namespace treadle
