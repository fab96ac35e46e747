// rejected by: AutoSave: saves when the typist has paused
// status: wrong
// says: one save for each
//
// Nothing is saved, so nothing is saved too often.
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

  void typed() {}
  void flush() {
    if (unsaved_) save_();
  }

 private:
  EventLoop& loop_;
  const Clock::duration pause_;
  const std::function<void()> save_;
  bool unsaved_ = false;
};
