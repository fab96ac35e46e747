#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "treadle/event_loop.hpp"
#include "treadle/wait_list.hpp"

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
    letters_.push_back(std::move(letter));  // TODO: and if somebody waits?
  }

  // The oldest letter, or nothing where none comes for so long: std::optional<T>.
  Taking take_for(Delay patience) { return Taking(*this, patience); }

  // The oldest letter, as long as it takes.
  Coro<T> take() {
    std::optional<T> letter = co_await Taking(*this, std::nullopt);
    co_return std::move(letter).value();
  }

 private:
  std::deque<T> letters_;  // the oldest first
  // TODO: who waits
};

// One who wants a letter: what the task waits at.
template <class T>
class LetterBox<T>::Taking final : public Waiter, private Timer {
 public:
  // No patience: for ever.
  Taking(LetterBox& box, std::optional<Delay> patience) : box_(box), patience_(patience) {}

  // True where there is no need to wait.
  bool await_ready() {
    return true;  // TODO: take a letter, if there is one
  }

  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    start(caller.promise());
  }

  std::optional<T> await_resume() {
    return std::nullopt;  // TODO
  }

  std::string waits_for() const override { return "a letter"; }

  // The task was cancelled while it waited here.
  void withdraw() noexcept override {
    // TODO: leave no trace
  }

 private:
  // The task of `caller` begins to wait.
  void start(PromiseBase& caller) {
    EventLoop& loop = EventLoop::of(caller.task());
    static_cast<void>(loop);  // TODO: loop.arm(*this, deadline), and join those who wait
    suspend(caller);
  }

  // The time is up, and the timer has been disarmed.
  void fire() noexcept override {
    // TODO
  }
  void drop() noexcept override {}  // the loop goes

  LetterBox& box_;
  const std::optional<Delay> patience_;
};
