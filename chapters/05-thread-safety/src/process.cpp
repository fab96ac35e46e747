#include "treadle/process.hpp"

#include <pthread.h>

#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define TREADLE_LIBC_TELLS
#endif

namespace treadle {

constinit std::atomic<std::uint32_t> forks = 0;

namespace {

constinit std::atomic<bool> pool_has_threads = false;

}  // namespace

std::uint32_t note_process() noexcept {
  [[maybe_unused]] static const bool counts =
      call_in_child([] { forks.fetch_add(1, std::memory_order_relaxed); });
  return process_number();
}

bool call_in_child(void (*f)()) noexcept { return ::pthread_atfork(nullptr, nullptr, f) == 0; }

bool is_single_threaded() noexcept {
#ifdef TREADLE_LIBC_TELLS
  return __libc_single_threaded != 0;
#else
  return !pool_has_threads.load(std::memory_order_relaxed);
#endif
}

void note_thread() noexcept { pool_has_threads.store(true, std::memory_order_relaxed); }

}  // namespace treadle
