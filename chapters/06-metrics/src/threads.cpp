#include "treadle/threads.hpp"

#include <sys/stat.h>

#include <atomic>

#include "treadle/process.hpp"

#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace treadle {

namespace {

std::atomic<std::ptrdiff_t> waiting_for_work = 0;

// Those that waited are not in a child of fork(2).
[[maybe_unused]] const bool forgets_threads = call_in_child([] { waiting_for_work = 0; });

// The thread sanitizer has a thread of its own, which never calls us.
#if defined(__SANITIZE_THREAD__)
constexpr std::ptrdiff_t kThreadsOfTools = 1;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr std::ptrdiff_t kThreadsOfTools = 1;
#else
constexpr std::ptrdiff_t kThreadsOfTools = 0;
#endif
#else
constexpr std::ptrdiff_t kThreadsOfTools = 0;
#endif

}  // namespace

bool is_only_thread() noexcept {
#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

std::size_t count_other_threads() noexcept {
  // A directory has a link for each directory in it, for itself and for the one above.
  struct stat tasks {};
  if (::stat("/proc/self/task", &tasks) < 0 || tasks.st_nlink < 3) return 1;
  const auto threads = static_cast<std::ptrdiff_t>(tasks.st_nlink) - 2;
  const std::ptrdiff_t others = threads - 1 - kThreadsOfTools - waiting_for_work;
  return others > 0 ? static_cast<std::size_t>(others) : 0;
}

void note_waiting_for_work(std::ptrdiff_t change) noexcept { waiting_for_work += change; }

}  // namespace treadle
