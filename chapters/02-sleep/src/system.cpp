#include "treadle/system.hpp"

#include <thread>

namespace treadle {

// Neither needs code that runs before main().
constinit System System::real_;
constinit std::atomic<System*> System::current_ = &System::real_;

std::chrono::steady_clock::time_point System::now() noexcept {
  return std::chrono::steady_clock::now();
}

void System::sleep_for(std::chrono::nanoseconds time) noexcept {
  std::this_thread::sleep_for(time);
}

}  // namespace treadle
