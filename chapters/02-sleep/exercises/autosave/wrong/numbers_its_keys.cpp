// rejected by: AutoSave: flush() saves at once, and only once
// status: wrong
// says: nothing may be armed that the loop would wait for
//
// Each key gets a number, and a timer that is not the last one's does nothing when it fires. The
// saves are right, but every key leaves a timer behind.
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
    unsaved_ = true;
    loop_.call_later(pause_, [this, key = ++last_key_] {
      if (key == last_key_) flush();
    });
  }

  void flush() {
    if (!unsaved_) return;
    unsaved_ = false;
    save_();
  }

 private:
  EventLoop& loop_;
  const Clock::duration pause_;
  const std::function<void()> save_;
  long last_key_ = 0;
  bool unsaved_ = false;
};
