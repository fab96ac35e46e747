#include "treadle/threads.hpp"

#include <sys/stat.h>

#include <atomic>

#include "treadle/process.hpp"

#if defined(__GLIBC__) && __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

#if defined(__SANITIZE_THREAD__)
#define TREADLE_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TREADLE_THREAD_SANITIZER
#endif
#endif

#ifdef TREADLE_THREAD_SANITIZER
#include <pthread.h>
#endif

namespace treadle {

namespace {

std::atomic<std::ptrdiff_t> waiting_for_work = 0;

// How many threads this process has; 0 if the system does not say.
std::ptrdiff_t count_threads() noexcept {
  // A directory has a link for each directory in it, for itself and for the one above.
  struct stat tasks {};
  if (::stat("/proc/self/task", &tasks) < 0 || tasks.st_nlink < 3) return 0;
  return static_cast<std::ptrdiff_t>(tasks.st_nlink) - 2;
}

#ifdef TREADLE_THREAD_SANITIZER
// The thread sanitizer has a thread of its own, which never calls us. A child of fork(2) has it too, but
// not the child of a process with further threads.
std::atomic<std::ptrdiff_t> threads_of_tools = 1;
std::atomic<std::ptrdiff_t> threads_of_parent = 0;

[[maybe_unused]] const bool counts_tools =
    ::pthread_atfork([] { threads_of_parent = count_threads(); }, nullptr,
                     [] { threads_of_tools = threads_of_parent > 2 ? 0 : 1; }) == 0;
#else
constexpr std::ptrdiff_t threads_of_tools = 0;
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
  const std::ptrdiff_t threads = count_threads();
  if (threads == 0) return 1;
  const std::ptrdiff_t others = threads - 1 - threads_of_tools - waiting_for_work;
  return others > 0 ? static_cast<std::size_t>(others) : 0;
}

void note_waiting_for_work(std::ptrdiff_t change) noexcept {
  // Those that wait are not in a child of fork(2).
  [[maybe_unused]] static const bool forgets = call_in_child([] { waiting_for_work = 0; });
  waiting_for_work += change;
}

}  // namespace treadle
