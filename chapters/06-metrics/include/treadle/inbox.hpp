// inbox.hpp: the one door through which other threads reach a loop.
//
// A loop's own thread touches what belongs to the loop without a lock, and that is most of what
// ever happens. Whoever comes from another thread leaves a Runnable here; the loop takes all that
// has come in one grip, once a turn. Only where the loop sleeps is it woken, for that costs a system
// call on either side.
//
// While nobody runs the loop there is no own thread. Then whoever holds the mutex stands in for it
// and may touch the loop directly.
//
// The inbox is counted, and outlives its loop where others still know it. Then it is closed, and
// says so.
//
// In a child of fork(2), an inbox that the parent made counts as closed. The threads that used it are
// not there, and one of them may have held the mutex.
//
// Invariants
//   1. What is posted is taken exactly once, in order of posting; what is refused is not touched.
//   2. While the loop sleeps without end, sleeping_ is true and the queue is empty; so the next one
//      who posts wakes it.
//   3. While nobody runs the loop, the queue is empty. Who stands in for the thread that would run it
//      may come back to the inbox from what he does there, such as by an awaiter that is withdrawn.
//   4. The wake-up is drained before anything is looked for, never after. Who comes between the two
//      leaves his ring behind, and the next question of the poller returns at once. In the other
//      order the ring would be eaten. A post survives that, as the queue is looked at once more
//      before the loop sleeps; a signal or a stop() does not.
//   5. Whom a ring wakes may end the loop. So who rings holds a reference to the inbox until he has
//      hung up, and the descriptor is not closed before.
//
// Thread safety: as each function says.
// Source: Drepper's futexes are tricky, and so is this; asyncio's call_soon_threadsafe for the use.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
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
  /// `ready` is the loop's own queue, for those who post while nobody runs the loop; `errors` is told
  /// of what posted callbacks throw.
  explicit Inbox(ReadyQueue& ready, CallbackErrors* errors = nullptr)
      : ready_(&ready), errors_(errors) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // ---- From any thread

  /// Counts a reference, and gives one back; the last to go deletes the inbox. On the thread that runs
  /// the loop, where nearly all of them come and go, that is a plain addition.
  /// Source: Choi, Shull and Torrellas, Biased Reference Counting, PACT 2018.
  void retain() noexcept;
  void release() noexcept;

  /// True on the thread that runs the loop at the moment.
  bool runs_here() const noexcept;

  /// Leaves `runnable` for the next turn, and wakes the loop where it sleeps. False where the loop
  /// is closed: then nothing has happened.
  bool post(Runnable& runnable) noexcept;

  /// The same for a small callback, without a block of memory for each. False also where nobody runs
  /// the loop.
  template <class F>
  requires PostedCalls::takes<F>
  bool post_small(const F& f);

  /// Does `f()` with the loop in hand: at once on the loop's own thread and where nobody runs it,
  /// else in a turn. False where the loop is closed: then `f` is destroyed.
  template <class F>
  bool reach(F f);

  /// The same, and blocks until it is done; gives what `f` gives or throws what it throws, and gives
  /// nothing where the loop is closed. Throws InvalidStateError on a thread that runs another loop, which it would keep from running.
  template <class F>
  auto ask(F f) -> std::optional<std::invoke_result_t<F>>;

  /// The same, to look at something: gives up where the loop has not answered in time. Throws
  /// TimeoutError then; `f` may be called later all the same, so it owns what it needs.
  template <class F>
  auto look(F f, Delay patience = kPatience) -> std::optional<std::invoke_result_t<F>>;

  /// How long who looks waits for a loop that does not end its step.
  static constexpr std::chrono::seconds kPatience{5};

  /// True where a thread runs the loop, and not this one.
  bool runs_elsewhere() const noexcept;

  /// How much has been posted while somebody ran the loop.
  std::uint64_t posts() const noexcept { return posts_.load(std::memory_order_relaxed); }

  /// How many of them have not been taken. For the loop's own thread.
  std::uint64_t posts_pending() const noexcept { return posts() - posts_taken_; }

  /// True where a thread runs the loop.
  bool runs() const noexcept { return runner_ != 0; }

  /// Wakes the loop, whether it sleeps or is about to. Nothing where it is closed.
  void wake() noexcept;

  /// True in a child of fork(2), of an inbox that was made before.
  bool is_of_parent() const noexcept { return process_ != process_number(); }

  /// True if the thread that runs the loop never comes back to it: it has called exit() in a step,
  /// or fork(2) has not brought it along.
  bool is_deserted() const noexcept;

  /// Why it takes nothing on any more.
  const char* why_closed() const noexcept;

  // ---- From the loop's own thread

  enum class Begin { kBegun, kRunsAlready, kClosed };

  /// This thread runs the loop from now on.
  Begin begin() noexcept;

  /// And from now on no longer. `before` is whose loop it runs instead.
  void end(Inbox* before = nullptr) noexcept;

  /// Of the loop that this thread runs; null where it runs none.
  static Inbox* of_this_thread() noexcept;

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
  class StandIn;
  class AnyErrand;
  template <class F>
  class Errand;

  ~Inbox() = default;
  bool stands_in_here() const noexcept;
  template <class F>
  auto send(F f) -> std::future<std::invoke_result_t<F>>;
  template <class T>
  static std::optional<T> answer_in(std::future<T>& answer);
  [[noreturn]] void throw_no_answer(Delay patience) const;
  void mail_has_come(std::unique_lock<std::mutex>& lock) noexcept;
  void ring(std::unique_lock<std::mutex>& lock) noexcept;
  bool post_errand(AnyErrand& errand) noexcept;
  void do_all(ReadyQueue& errands) noexcept;
  static std::uint32_t note_fork() noexcept;
  static void begin_as_child() noexcept;
  static void require_no_loop_here();
  std::string say_wrong_thread(const char* object) const;
  [[noreturn]] void throw_wrong_thread(const char* object) const;
  [[noreturn]] void fail_wrong_thread(const char* object) const noexcept;

  // REQUIRES: mutex_ is held.
  void take_errands(ReadyQueue& errands) noexcept;
  PostedCalls& open_calls();
  void nothing_is_left() noexcept;
  std::size_t take_all() noexcept;

  std::atomic<int> references_ = 1;  // and kRunning more while a thread runs the loop
  std::atomic<bool> has_mail_ = false;
  std::atomic<long> runner_ = 0;  // the number of the thread that runs the loop; 0: nobody
  std::atomic<std::uint64_t> last_step_ = 0;  // whose step began last
  std::atomic<std::uint64_t> posts_ = 0;

  int own_references_ = 0;  // what the thread that runs the loop has counted; may be below zero

  const std::uint32_t process_ = note_fork();

  // mutex_ must be held to use what follows it.
  std::mutex mutex_;
  ReadyQueue queue_;  // posted while somebody runs the loop
  bool running_ = false;
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

/// Makes a thread that runs no loop, and holds the mutex, the loop's own for a while.
class Inbox::StandIn {
 public:
  explicit StandIn(const Inbox& inbox) noexcept;
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;
  ~StandIn();

 private:
  const Inbox* before_;
};

/// What reach() and ask() post where they cannot act at once. A loop that stops running does what it
/// has got of these on its way out: whoever sent one may wait for it, and there may be no other turn.
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

template <class F>
requires PostedCalls::takes<F>
bool Inbox::post_small(const F& f) {
  if (runs_here() || stands_in_here()) return false;  // it goes behind what is ready
  if (is_of_parent()) return false;
  std::unique_lock lock(mutex_);
  if (closed_ || !running_) return false;
  open_calls().add(f);
  mail_has_come(lock);
  return true;
}

template <class F>
bool Inbox::reach(F f) {
  if (runs_here() || stands_in_here()) {
    std::move(f)();
    return true;
  }
  if (is_of_parent()) return false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (!running_) {
      const StandIn here(*this);
      std::move(f)();
      return true;
    }
  }
  auto errand = std::make_unique<Errand<F>>(std::move(f));
  if (!post_errand(*errand)) return false;
  errand.release();
  return true;
}

template <class F>
auto Inbox::send(F f) -> std::future<std::invoke_result_t<F>> {
  if (runs_elsewhere()) require_no_loop_here();
  std::promise<std::invoke_result_t<F>> question;
  auto answer = question.get_future();
  auto say = [f = std::move(f), question = std::move(question)]() mutable {
    try {
      question.set_value(f());
    } catch (...) {
      question.set_exception(std::current_exception());
    }
  };
  if (runs_here() || stands_in_here()) {
    say();
  } else {
    auto errand = std::make_unique<Errand<decltype(say)>>(std::move(say));
    if (post_errand(*errand)) errand.release();
    errand.reset();  // where it was refused, who asked hears that now
  }
  return answer;
}

template <class T>
std::optional<T> Inbox::answer_in(std::future<T>& answer) {
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return std::nullopt;  // the loop was closed, and what was asked was thrown away
  }
}

template <class F>
auto Inbox::ask(F f) -> std::optional<std::invoke_result_t<F>> {
  auto answer = send(std::move(f));
  return answer_in(answer);
}

template <class F>
auto Inbox::look(F f, Delay patience) -> std::optional<std::invoke_result_t<F>> {
  auto answer = send(std::move(f));
  const auto end = Clock::later(SteadyClock::instance().now(), patience.in_nanoseconds());
  if (answer.wait_until(end) == std::future_status::timeout) throw_no_answer(patience);
  return answer_in(answer);
}

}  // namespace treadle
