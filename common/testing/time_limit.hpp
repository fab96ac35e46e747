// time_limit.hpp: how long a test waits for something before it fails.
//
// On a busy machine everything is late. So no test demands that something happens within a time: it waits until it has
// happened. The limit only ends a test that would wait forever, and is far longer than any test needs.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace treadle::testing {

/// 30 s, or as many as the environment variable TREADLE_TIME_LIMIT says.
inline std::chrono::seconds time_limit() {
  static const std::chrono::seconds limit = [] {
    const char* const wanted = std::getenv("TREADLE_TIME_LIMIT");
    return std::chrono::seconds(wanted == nullptr ? 30 : std::max(1, std::atoi(wanted)));
  }();
  return limit;
}

/// Waits until `holds()`, which another thread or process brings about. Returns false after the time limit.
template <class F>
bool comes_true(F holds) {
  const auto end = std::chrono::steady_clock::now() + time_limit();
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace treadle::testing
