#include "treadle/process.hpp"

#include <pthread.h>

namespace treadle {

constinit std::atomic<std::uint32_t> forks = 0;

std::uint32_t note_process() noexcept {
  [[maybe_unused]] static const bool counts =
      call_in_child([] { forks.fetch_add(1, std::memory_order_relaxed); });
  return process_number();
}

bool call_in_child(void (*f)()) noexcept { return ::pthread_atfork(nullptr, nullptr, f) == 0; }

}  // namespace treadle
