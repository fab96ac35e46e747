// rejected by: LetterBox: time and a letter in one turn, and the first one counts
// status: crash
// says: only a task that waits can be woken
//
// Leaves the timer armed when a letter comes.
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "treadle/event_loop.hpp"
#include "treadle/wait_list.hpp"

using treadle::Clock;
using treadle::Coro;
using treadle::Delay;
using treadle::EventLoop;
using treadle::IntrusiveList;
using treadle::PromiseBase;
using treadle::Timer;
using treadle::TreadlePromise;
using treadle::Waiter;

// Letters that lie there, or people who wait for some; never both.
template <class T>
class LetterBox {
 public:
  class Taking;

  LetterBox() = default;
  LetterBox(const LetterBox&) = delete;
  LetterBox& operator=(const LetterBox&) = delete;

  // Hands `letter` to whoever has waited longest, or keeps it.
  void put(T letter) {
    if (waiting_.empty()) {
      letters_.push_back(std::move(letter));
    } else {
      waiting_.pop_front().hand_over(std::move(letter));
    }
  }

  // The oldest letter, or nothing where none comes for so long: std::optional<T>.
  Taking take_for(Delay patience) { return Taking(*this, patience); }

  // The oldest letter, as long as it takes.
  Coro<T> take() {
    std::optional<T> letter = co_await Taking(*this, std::nullopt);
    co_return *std::move(letter);
  }

 private:
  std::deque<T> letters_;          // the oldest first
  IntrusiveList<Taking> waiting_;  // who has waited longest first
};

// One who wants a letter: what the task waits at.
//
// Invariant: it is in the list, and its timer is armed where it has one, exactly while its task
// waits. Whatever ends the wait ends both, before it wakes.
template <class T>
class LetterBox<T>::Taking final : public Waiter, private Timer {
 public:
  // No patience: for ever.
  Taking(LetterBox& box, std::optional<Delay> patience) : box_(box), patience_(patience) {}

  // True where there is no need to wait.
  bool await_ready() {
    if (box_.letters_.empty()) return false;
    letter_ = std::move(box_.letters_.front());
    box_.letters_.pop_front();
    return true;
  }

  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    start(caller.promise());
  }

  std::optional<T> await_resume() { return std::move(letter_); }

  std::string waits_for() const override { return "a letter"; }

  // The task was cancelled while it waited here.
  void withdraw() noexcept override {
    unlink();
    disarm();
  }

 private:
  friend LetterBox;

  // The task of `caller` begins to wait.
  void start(PromiseBase& caller) {
    EventLoop& loop = EventLoop::of(caller.task());
    if (patience_) loop.arm(*this, Clock::later(loop.time(), patience_->in_nanoseconds()));
    box_.waiting_.push_back(*this);
    suspend(caller);  // last: from here on it may be woken
  }

  // It has left the list.
  void hand_over(T letter) {
    letter_ = std::move(letter);
    wake();
  }

  // The time is up, and the timer has been disarmed.
  void fire() noexcept override {
    unlink();
    wake();
  }
  void drop() noexcept override {}  // the loop goes

  LetterBox& box_;
  const std::optional<Delay> patience_;
  std::optional<T> letter_;  // it is ours
};
