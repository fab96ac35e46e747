// rejected by: Within: the work may clean up, and await in doing so
// status: wrong
// says: within() is not over before its work is
//
// Makes a task of the work, and leaves it to itself when the time is up.
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

template <class T>
Coro<T> within(Delay limit, Coro<T> work) {
  EventLoop& loop = co_await treadle::get_running_loop();
  AnyTask self = co_await treadle::get_current_task();
  treadle::Task<T> task = loop.create_task(std::move(work));
  bool rang = false;
  TimerHandle timer = loop.call_later(limit, [&] {
    rang = true;
    task.cancel("time is up");
    self.cancel("time is up");
  });
  try {
    co_await task;
    timer.cancel();
    co_return std::move(task).take();
  } catch (const CancelledError&) {
    timer.cancel();
    if (rang && self.uncancel() == 0) throw TimedOut("time is up");
    throw;
  } catch (...) {
    timer.cancel();
    throw;
  }
}
