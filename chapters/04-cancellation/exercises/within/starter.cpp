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

// Runs `work` in the task that awaits this, and gives its value or throws its error. Where it has
// not ended after `limit`, cancels it, waits until it has ended, and throws TimedOut. Cancelled by
// somebody else, throws CancelledError.
template <class T>
Coro<T> within(Delay limit, Coro<T> work) {
  static_cast<void>(limit);
  co_return co_await std::move(work);  // TODO: but not for longer than limit
}
