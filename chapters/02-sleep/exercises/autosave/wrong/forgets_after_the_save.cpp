// rejected by: AutoSave: what is typed during a save is saved too
// status: wrong
// says: something was not saved yet when flush() came
//
// Forgets the timer after the save, and with it that of a key hit during the save.
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

  void typed() {
    if (timer_) timer_->cancel();
    timer_ = loop_.call_later(pause_, [this] {
      save_();
      timer_.reset();
    });
  }

  void flush() {
    if (!timer_) return;
    forget_timer();
    save_();
  }

 private:
  void forget_timer() {
    if (timer_) timer_->cancel();
    timer_.reset();
  }

  EventLoop& loop_;
  const Clock::duration pause_;
  const std::function<void()> save_;
  std::optional<TimerHandle> timer_;
};
