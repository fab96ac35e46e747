#include "treadle/run.hpp"

namespace treadle {

namespace {

bool cancelled_by_signal(const AnyTask& task) {
  if (!task.cancelled()) return false;
  try {
    std::rethrow_exception(task.block().error());
  } catch (const CancelledError& cancelled) {
    return cancelled.origin() == CancelOrigin::kSignal;
  }
}

}  // namespace

void leave_by_signal_that_cancelled(const AnyTask& task, int signal) {
  if (!cancelled_by_signal(task)) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace treadle
