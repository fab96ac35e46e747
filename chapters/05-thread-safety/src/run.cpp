#include "treadle/run.hpp"

#include <cstdio>
#include <string>

#ifdef __linux__
#include <unistd.h>
#else
#include <pthread.h>
#endif

namespace treadle {

namespace {

bool is_main_thread() noexcept {
#ifdef __linux__
  return ::gettid() == ::getpid();
#else
  return ::pthread_main_np() != 0;
#endif
}

// The name of the signal that cancelled the task; empty where none did.
std::string signal_that_cancelled(const AnyTask& task) {
  const std::exception_ptr error = task.cancelled() ? task.block().error() : nullptr;
  const CancelledError* cancelled = as_cancelled(error);
  return cancelled != nullptr && cancelled->origin() == CancelOrigin::kSignal ? cancelled->by()
                                                                              : "";
}

}  // namespace

bool may_take_ctrl_c() noexcept {
  struct sigaction action {};
  return is_main_thread() && ::sigaction(SIGINT, nullptr, &action) == 0 &&
         action.sa_handler == SIG_DFL;
}

void leave_by_signal_that_cancelled(const AnyTask& task) {
  const std::string name = signal_that_cancelled(task);
  if (name.empty()) return;
  // A process that a signal ends does not do it. Not all streams: another thread may stand in a read
  // of one, and to flush that would wait for it.
  std::fflush(stdout);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal_name(signal) != name) continue;
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

}  // namespace treadle
