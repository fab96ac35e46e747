// hang_watch.hpp: tells a test that hangs so.
//
// A loop that has nothing left to wait for says so itself. One that waits for a descriptor cannot know that nobody will
// ever write to it. So while a test runs there is an alarm: it tells the loop to stop, and the test fails where it
// stands. If that does not help, the process is ended by SIGALRM, which the runner reports as a hang.
#pragma once

#include <chrono>

namespace treadle::testing {

class HangWatch {
 public:
  /// After `patience`, calls `on_hang(object)` from a signal handler, and after as long again ends the process.
  HangWatch(std::chrono::milliseconds patience, void (*on_hang)(void*), void* object) noexcept;
  HangWatch(const HangWatch&) = delete;
  HangWatch& operator=(const HangWatch&) = delete;
  ~HangWatch();

  bool hung() const noexcept;
};

}  // namespace treadle::testing
