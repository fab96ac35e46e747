#include "treadle/process.hpp"

#include <pthread.h>

namespace treadle {

constinit std::atomic<std::uint32_t> forks = 0;

namespace {

[[maybe_unused]] const bool counts_forks =
    call_in_child([] { forks.fetch_add(1, std::memory_order_relaxed); });

}  // namespace

bool call_in_child(void (*f)()) noexcept { return ::pthread_atfork(nullptr, nullptr, f) == 0; }

}  // namespace treadle
