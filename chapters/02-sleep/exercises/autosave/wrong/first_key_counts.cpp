// rejected by: AutoSave: each key begins the pause anew
// status: wrong
// says: Only the last one is followed by a pause
//
// Arms no timer where there is one: saves 10 s after the first key, in the middle of the typing.
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
    if (timer_) return;
    timer_ = loop_.call_later(pause_, [this] { flush(); });
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
