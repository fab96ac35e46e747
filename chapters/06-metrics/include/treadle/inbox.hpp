// inbox.hpp: how other threads reach a loop, and the claim that says which thread may touch it.
//
// A loop's own thread touches what belongs to the loop without a lock, and that is most of what
// ever happens. Another thread posts a Runnable here; the loop takes all that was posted at once, once
// a turn. Only a loop that sleeps is woken, because that costs a system call on either side.
//
// One thread at a time may touch a loop: the thread that has *claimed* it. The thread that runs the loop
// has claimed it until it stops running it. While no thread runs it, a thread that wants something
// of it claims it to act on it: to make a task, to cancel one, to look. The claims of a thread are a
// chain, one inside the other, and a loop anywhere in the chain may be touched at once. So a cancel that
// goes from loop A to loop B and back to A finds A claimed, and does not wait for itself.
//
// Two threads cannot lock each other up with two loops, because a thread that acts on a loop never
// waits for a claim. What it wants of a loop that another thread has claimed, it posts; the other thread does
// it in a turn or, if it only acts, before it gives the claim up. These wait:
//   - a thread that is to run a loop, for one that acts on it. It has claimed nothing, or it closes
//     this loop in a step of another one, which it runs.
//   - a thread that asks, for the answer. It has claimed nothing; or it runs a loop, and the other thread
//     only acts.
// So a wait goes from a thread that runs a loop, or none, to one that acts, and that one does not
// wait. There is no circle, unless a callback that acts on one loop closes another one.
//
// The inbox is counted, and outlives its loop if others still know it. Then it is closed, and
// says so.
//
// In a child of fork(2), an inbox that the parent made counts as closed. The threads that used it are
// not there, and one of them may have held the mutex.
//
// Invariants
//   1. What is posted is taken exactly once, in order of posting; what is refused is not touched.
//   2. While the loop sleeps without end, sleeping_ is true and the queue is empty; so the next one
//      who posts wakes it.
//   3. While no thread has claimed the loop, the queue is empty, or a thread is about to claim the loop:
//      the one that has just given it up, one that has just posted, or one that is to run it. So
//      nothing that was posted is forgotten.
//   4. The wake-up is drained before anything is looked for, never after. Who comes between the two
//      leaves his ring behind, and the next question of the poller returns at once. In the other
//      order the ring would be eaten. A post survives that, as the queue is looked at once more
//      before the loop sleeps; a signal or a stop() does not.
//   5. Whom a ring wakes may end the loop. So who rings holds a reference to the inbox until he has
//      hung up, and the descriptor is not closed before.
//   6. While the mutex is held, nothing is called that is not of this file.
//
// Thread safety: as each function says.
// Source: Drepper's futexes are tricky, and so is this; asyncio's call_soon_threadsafe for the use.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "treadle/clock.hpp"
#include "treadle/posted_calls.hpp"
#include "treadle/process.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"
#include "treadle/wakeup.hpp"

namespace treadle {

class Inbox {
 public:
  /// `ready` is the loop's own queue, for what is posted while no thread has claimed the loop; `errors` is
  /// told of what posted callbacks throw.
  explicit Inbox(ReadyQueue& ready, CallbackErrors* errors = nullptr)
      : ready_(&ready), errors_(errors) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // ---- From any thread

  /// Counts a reference, and gives one back; the last to go deletes the inbox. On the thread that has
  /// claimed the loop, where nearly all of them come and go, that is a plain addition.
  /// Source: Choi, Shull and Torrellas, Biased Reference Counting, PACT 2018.
  void retain() noexcept;
  void release() noexcept;

  /// True on the thread that has claimed the loop: it runs the loop, or acts on it.
  bool runs_here() const noexcept;

  /// Leaves `runnable` for the next turn, and wakes the loop where it sleeps. False where the loop
  /// is closed: then nothing has happened.
  bool post(Runnable& runnable) noexcept;

  /// The same for a small callback, without a block of memory for each. False also if no other thread
  /// has claimed the loop.
  template <class F>
  requires PostedCalls::takes<F>
  bool post_small(const F& f);

  /// Calls `f()` on a thread that has claimed the loop: on this one at once if it has, or can without
  /// waiting, otherwise on the one that has, in a turn. Returns false if the loop is closed: then `f` is
  /// destroyed. Never waits.
  template <class F>
  bool reach(F f);

  /// The same, and blocks until it is done. Returns what `f` returns or throws what it throws;
  /// returns nothing if the loop is closed. `f` may refer to what the caller has.
  ///
  /// Throws TimeoutError if the loop has not come to it after `timeout`: then `f` is never called. Throws
  /// InvalidStateError if this thread has claimed another loop, which it would keep from running; as an
  /// exception, a thread that runs a loop waits for one that only acts on this one.
  template <class F>
  auto ask(F f, Delay timeout = kTimeout) -> std::optional<std::invoke_result_t<F>>;

  /// How long a thread that asks waits for a loop that does not end its step.
  static constexpr std::chrono::seconds kTimeout{5};

  /// True if another thread has claimed the loop.
  bool runs_elsewhere() const noexcept { return owner_ != 0 && !is_of_parent() && !runs_here(); }

  /// How much has been posted while another thread had claimed the loop.
  std::uint64_t posts() const noexcept { return posts_.load(std::memory_order_relaxed); }

  /// How many of them have not been taken. For the loop's own thread.
  std::uint64_t posts_pending() const noexcept { return posts() - posts_taken_; }

  /// True where a thread runs the loop.
  bool runs() const noexcept { return owner_ > 0; }

  /// Wakes the loop, whether it sleeps or is about to. Nothing where it is closed.
  void wake() noexcept;

  /// True in a child of fork(2), of an inbox that was made before.
  bool is_of_parent() const noexcept { return process_ != process_number(); }

  /// True if the thread that runs the loop never comes back to it: it has called exit() in a step,
  /// or fork(2) has not brought it along.
  bool is_deserted() const noexcept;

  /// Why it takes nothing on any more.
  const char* why_closed() const noexcept;

  // ---- From the thread that has claimed the loop

  /// True where something may lie here; cheap enough to be asked each turn. What is missed is there
  /// the next time.
  bool has_mail() const noexcept { return has_mail_.load(std::memory_order_relaxed); }

  /// The loop is about to sleep. False where it must not, as something has come meanwhile.
  bool may_sleep() noexcept;

  /// The loop is awake; moves all that has come to the end of `ready`. How many that is. Throws
  /// LoopClosedError in a child of fork(2) that was made in a step of the loop.
  std::size_t take();

  /// Refuses all that comes from now on, and moves what is left to the end of `ready`.
  void close() noexcept;

  /// A step of the task with this number begins.
  void note_step(std::uint64_t task) noexcept { last_step_.store(task, std::memory_order_relaxed); }

  /// A block of calls has been run, and can be used again.
  void give_back(std::unique_ptr<PostedCalls> calls) noexcept;

  CallbackErrors& errors() const noexcept { return *errors_; }

  /// In the loop's poller for as long as it lives.
  Wakeup& wakeup() noexcept { return *wakeup_; }

  /// In debug builds, throws WrongThreadError where another thread runs the loop. `object` is what
  /// is about to be touched.
  void require_here([[maybe_unused]] const char* object) const {
#ifndef NDEBUG
    if (runs_elsewhere()) throw_wrong_thread(object);
#endif
  }

  /// The same for functions that must not throw: a broken precondition.
  void check_here([[maybe_unused]] const char* object) const noexcept {
#ifndef NDEBUG
    if (runs_elsewhere()) fail_wrong_thread(object);
#endif
  }

 private:
  friend class LoopClaim;

  class AnyErrand;
  class Question;
  template <class F>
  class Errand;

  ~Inbox() = default;
  void mail_has_come(std::unique_lock<std::mutex>& lock) noexcept;
  void ring(std::unique_lock<std::mutex>& lock) noexcept;
  void enqueue(Runnable& runnable, std::unique_lock<std::mutex>& lock) noexcept;
  bool post_errand(AnyErrand& errand) noexcept;
  bool add_errand(AnyErrand& errand, std::unique_lock<std::mutex>& lock) noexcept;
  void submit(Question& question, Delay timeout);
  bool await_answer(Question& question, std::unique_lock<std::mutex>& lock, Clock::time_point end);
  void settle() noexcept;
  [[noreturn]] void throw_no_answer(Delay timeout) const;
  static std::uint32_t note_fork() noexcept;
  static void begin_as_child() noexcept;
  std::string say_wrong_thread(const char* object) const;
  [[noreturn]] void throw_wrong_thread(const char* object) const;
  [[noreturn]] void fail_wrong_thread(const char* object) const noexcept;

  // REQUIRES: mutex_ is held.
  bool is_free() const noexcept { return owner_ == 0 && runners_waiting_ == 0; }
  void require_no_circle() const;
  PostedCalls& open_calls();
  void nothing_is_left() noexcept;
  std::size_t take_all() noexcept;

  std::atomic<int> references_ = 1;  // and kClaimed more while a thread has claimed the loop
  std::atomic<bool> has_mail_ = false;
  // Of the thread that has claimed the loop: its number if it runs it, less than zero if it acts on it.
  // 0: none. Changes while the mutex is held.
  std::atomic<long> owner_ = 0;

  std::atomic<std::uint64_t> last_step_ = 0;  // whose step began last
  std::atomic<std::uint64_t> posts_ = 0;

  int own_references_ = 0;  // what the thread with the claim has counted; may be below zero

  const std::uint32_t process_ = note_fork();

  // mutex_ must be held to use what follows it.
  std::mutex mutex_;
  ReadyQueue queue_;                 // posted while the loop was claimed
  std::condition_variable changed_;  // the claim has ended, or a question is answered
  int runners_waiting_ = 0;          // how many threads wait to run the loop
  bool sleeping_ = false;
  bool closed_ = false;
  int signalling_ = 0;                        // how many are about to write to the wake-up
  PostedCalls* open_calls_ = nullptr;         // the last in the queue, where that can take more
  std::unique_ptr<PostedCalls> spare_calls_;  // to be used next

  // The loop's own thread's, and others' while it is held.
  ReadyQueue* const ready_;
  CallbackErrors* const errors_;
  std::optional<Wakeup> wakeup_{std::in_place};
  std::uint64_t posts_taken_ = 0;
};

/// The right of this thread to touch a loop, for as long as the object lives.
class LoopClaim {
 public:
  enum class Kind : std::uint8_t { kActs, kRuns };
  enum class Outcome : std::uint8_t { kClaimed, kTaken, kClosed };

  /// To act on the loop, claims it if no thread has, and never waits. To run it, waits for a thread that
  /// acts on it; if another one runs it or waits to, it is taken.
  /// REQUIRES: to run it, this thread does not act on it.
  LoopClaim(Inbox& inbox, Kind kind) noexcept;
  LoopClaim(const LoopClaim&) = delete;
  LoopClaim& operator=(const LoopClaim&) = delete;

  /// Does first what was posted meanwhile, since there may be no turn.
  ~LoopClaim();

  Outcome outcome() const noexcept { return outcome_; }
  explicit operator bool() const noexcept { return outcome_ == Outcome::kClaimed; }

  /// True if this thread has claimed a loop.
  static bool any_here() noexcept;

 private:
  friend class Inbox;

  Outcome begin() noexcept;
  bool give_up() noexcept;
  static bool acts_here() noexcept;

  const Ref<Inbox> inbox_;  // what is done here may be the end of the loop
  const Kind kind_;
  const long owner_;  // this thread's number, as it is to be found in the inbox
  const Outcome outcome_;
  LoopClaim* outer_ = nullptr;  // of this thread
};

/// What reach() and ask() post if another thread has claimed the loop. That thread does them before it gives
/// the claim up: another may wait for it, and there may be no other turn.
class Inbox::AnyErrand : public Runnable {
 protected:
  ~AnyErrand() = default;
};

template <class F>
class Inbox::Errand final : public AnyErrand {
 public:
  explicit Errand(F f) : f_(std::move(f)) {}

  void run() override {
    const std::unique_ptr<Errand> self(this);
    std::move(f_)();
  }
  void discard() noexcept override { delete this; }

 private:
  F f_;
};

/// What a thread asks and waits for. It belongs to both threads, as the one that asks may give up.
class Inbox::Question final : public AnyErrand, public RefCounted<Question> {
 public:
  /// `f` is the asking thread's, which waits if it has been called.
  template <class F>
  Question(Inbox& inbox, F& f) noexcept
      : RefCounted(2), inbox_(inbox), f_(&f), call_([](void* g) { (*static_cast<F*>(g))(); }) {}

  void run() override;
  void discard() noexcept override;

 private:
  friend class Inbox;
  friend class RefCounted<Question>;

  enum class State : std::uint8_t { kAsked, kBegun, kAnswered, kRefused, kGivenUp };

  ~Question() = default;
  bool move_to(State next) noexcept;

  Inbox& inbox_;
  void* const f_;
  void (*const call_)(void* f);
  State state_ = State::kAsked;  // the inbox's mutex must be held to use it
};

template <class F>
requires PostedCalls::takes<F>
bool Inbox::post_small(const F& f) {
  if (runs_here()) return false;  // it goes behind what is ready
  if (is_of_parent()) return false;
  std::unique_lock lock(mutex_);
  if (closed_ || is_free()) return false;
  open_calls().add(f);
  mail_has_come(lock);
  return true;
}

template <class F>
bool Inbox::reach(F f) {
  if (runs_here()) return std::move(f)(), true;
  if (const LoopClaim claim(*this, LoopClaim::Kind::kActs); claim) return std::move(f)(), true;
  auto errand = std::make_unique<Errand<F>>(std::move(f));
  if (!post_errand(*errand)) return false;
  errand.release();
  return true;
}

template <class F>
auto Inbox::ask(F f, Delay timeout) -> std::optional<std::invoke_result_t<F>> {
  if (runs_here()) return f();
  if (const LoopClaim claim(*this, LoopClaim::Kind::kActs); claim) return f();
  std::optional<std::invoke_result_t<F>> answer;
  std::exception_ptr error;
  auto call = [&] {
    try {
      answer.emplace(f());
    } catch (...) {
      error = std::current_exception();
    }
  };
  const auto question = Ref<Question>::adopt(*new Question(*this, call));
  submit(*question, timeout);
  if (error) std::rethrow_exception(error);
  return answer;
}

}  // namespace treadle
