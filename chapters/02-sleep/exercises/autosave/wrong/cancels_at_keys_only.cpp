// rejected by: AutoSave: flush() saves at once, and only once
// status: wrong
// says: nothing may be armed that the loop would wait for
//
// Cancels where the complaint was loudest: flush() still only drops the handle.
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
  ~AutoSave() {
    if (timer_) timer_->cancel();
  }

  void typed() {
    if (timer_) timer_->cancel();
    timer_ = loop_.call_later(pause_, [this] {
      timer_.reset();
      save_();
    });
  }

  void flush() {
    if (!timer_) return;
    timer_.reset();
    save_();
  }

 private:
  EventLoop& loop_;
  const Clock::duration pause_;
  const std::function<void()> save_;
  std::optional<TimerHandle> timer_;
};
