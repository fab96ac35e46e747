// rejected by: AutoSave: what is typed during a save is saved too
// status: wrong
// says: Another key was hit during the save at 12
//
// The timer forgets itself before the save, but flush() does it after the save.
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
      timer_.reset();
      save_();
    });
  }

  void flush() {
    if (!timer_) return;
    save_();
    forget_timer();
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
