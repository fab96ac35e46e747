// rejected by: AutoSave: destroyed, it saves no more
// status: sanitizer
// says: AddressSanitizer
//
// Mends the first two complaints. The compiler's destructor drops the handle, and the timer calls an
// object that is gone.
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

  void typed() {
    forget_timer();
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
