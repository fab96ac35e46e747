// rejected by: Within: somebody else's cancel stays a cancel
// status: wrong
// says: at 10, while the work tidies up
//
// Tells its own cancel by the words, which are those of whoever asked first.
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::Delay;
using treadle::EventLoop;
using treadle::TimerHandle;

// The time is up.
class TimedOut : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Cancels a task after a while, and takes that back when it goes.
class Alarm {
 public:
  Alarm(EventLoop& loop, AnyTask task, Delay limit)
      : task_(std::move(task)),
        before_(task_.cancelling()),
        timer_(loop.call_later(limit, [this] { ring(); })) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() { take_back(); }

  // True where it has rung and nobody else asks the task to end: the CancelledError was ours.
  bool alone() {
    take_back();
    return rang_ && task_.cancelling() <= before_;
  }

 private:
  void ring() {
    rang_ = asks_ = true;
    task_.cancel("time is up");
  }

  void take_back() {
    timer_.cancel();
    if (std::exchange(asks_, false)) task_.uncancel();
  }

  AnyTask task_;
  const std::size_t before_;  // so many had asked before
  bool rang_ = false;
  bool asks_ = false;  // one of those who ask is ours
  TimerHandle timer_;
};

// Runs `work` in the task that awaits this, and gives its value or throws its error. Where it has
// not ended after `limit`, cancels it, waits until it has ended, and throws TimedOut. Cancelled by
// somebody else, throws CancelledError.
template <class T>
Coro<T> within(Delay limit, Coro<T> work) {
  EventLoop& loop = co_await treadle::get_running_loop();
  Alarm alarm(loop, co_await treadle::get_current_task(), limit);
  try {
    co_return co_await std::move(work);
  } catch (const CancelledError& error) {
    if (error.reason() == "time is up") throw TimedOut("time is up");
    throw;
  }
}
