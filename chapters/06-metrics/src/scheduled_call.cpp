#include "treadle/scheduled_call.hpp"

namespace treadle {

void ScheduledCall::withdraw() noexcept {
  // It may have fired meanwhile, and lies in the ready queue as an empty shell; or the loop is gone
  // and has dropped it.
  inbox_->reach([self = Ref<ScheduledCall>(*this)] {
    if (!self->armed()) return;
    self->disarm();
    self->release();
  });
}

}  // namespace treadle
