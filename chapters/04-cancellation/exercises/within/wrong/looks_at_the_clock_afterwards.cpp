// rejected by: Within: too late, the work is cancelled and TimedOut comes out
// status: wrong
// says: The work would take 20 seconds, and may take 10
//
// Looks at the clock when the work is done, and so does not end it.
#include <cstddef>
#include <stdexcept>
#include <type_traits>
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
  const treadle::Clock::time_point deadline = loop.time() + limit.in_nanoseconds();
  if constexpr (std::is_void_v<T>) {
    co_await std::move(work);
    if (loop.time() > deadline) throw TimedOut("time is up");
  } else {
    T value = co_await std::move(work);
    if (loop.time() > deadline) throw TimedOut("time is up");
    co_return value;
  }
}
