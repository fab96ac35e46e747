// Saves a text when its typist pauses, and not at each key.
#include <functional>
#include <optional>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::Clock;
using treadle::EventLoop;
using treadle::TimerHandle;

class AutoSave {
 public:
  AutoSave(EventLoop& loop, Clock::duration pause, std::function<void()> save)
      : loop_(loop), pause_(pause), save_(std::move(save)) {}
  AutoSave(const AutoSave&) = delete;
  AutoSave& operator=(const AutoSave&) = delete;
  ~AutoSave() { forget_timer(); }

  // A key was hit. The text is saved when no other key has been hit for `pause`.
  void typed() {
    forget_timer();
    timer_ = loop_.call_later(pause_, [this] { flush(); });
  }

  // Saves what is not saved yet, at once; does nothing where all is saved.
  void flush() {
    if (!timer_) return;
    forget_timer();  // before the save: a key that is hit during it begins a new pause
    save_();
  }

 private:
  // To drop a handle changes nothing; only cancel() takes the timer back.
  void forget_timer() {
    if (timer_) timer_->cancel();
    timer_.reset();
  }

  EventLoop& loop_;
  const Clock::duration pause_;
  const std::function<void()> save_;
  std::optional<TimerHandle> timer_;  // there while something is not saved
};
