#include "treadle/scheduled_call.hpp"

namespace treadle {

void ScheduledCall::withdraw() noexcept {
  if (inbox_->runs_here()) return leave();
  inbox_->reach([self = Ref<ScheduledCall>(*this)] { self->leave(); });
}

void ScheduledCall::leave() noexcept {
  // It may have fired meanwhile, and lies in the ready queue as an empty shell; or the loop is gone
  // and has dropped it.
  if (!armed()) return;
  disarm();
  release();
}

}  // namespace treadle
