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

  // A key was hit. The text is saved when no other key has been hit for `pause`.
  void typed() {
    // The new timer replaces that of the key before.
    timer_ = loop_.call_later(pause_, [this] { save_(); });
  }

  // Saves what is not saved yet, at once; does nothing where all is saved.
  void flush() {
    if (!timer_) return;
    timer_.reset();
    save_();
  }

 private:
  EventLoop& loop_;
  const Clock::duration pause_;
  const std::function<void()> save_;
  std::optional<TimerHandle> timer_;  // there while something is not saved
};
