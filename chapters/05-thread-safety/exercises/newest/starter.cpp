#include <functional>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::EventLoop;

// Shows the newest of the values that any threads report, on the loop's thread.
template <class T>
class Newest {
 public:
  // The loop outlives the object.
  Newest(EventLoop& loop, std::function<void(T)> show) : loop_(loop), show_(std::move(show)) {}
  Newest(const Newest&) = delete;
  Newest& operator=(const Newest&) = delete;
  ~Newest() = default;  // TODO: a call may be under way

  // From any thread. False where the loop is closed.
  bool report(T value) {
    show_(std::move(value));  // TODO: not here, and not each of them
    return true;
  }

 private:
  EventLoop& loop_;
  std::function<void(T)> show_;
};
