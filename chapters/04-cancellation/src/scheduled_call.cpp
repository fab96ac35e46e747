#include "treadle/scheduled_call.hpp"

namespace treadle {

bool ScheduledCall::cancel() noexcept {
  if (cancelled_ || !(armed() || queued())) return false;
  const Ref<ScheduledCall> self(*this);  // the callback may own the last handle
  cancelled_ = true;
  destroy_callback();
  if (armed()) {
    disarm();
    release();
  }
  return true;
}

void ScheduledCall::discard() noexcept {
  destroy_callback();
  release();
}

void ScheduledCall::run() {
  const Ref<ScheduledCall> self(*this);
  release();
  if (!cancelled_) call();
}

}  // namespace treadle
