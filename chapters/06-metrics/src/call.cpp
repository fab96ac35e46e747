#include "treadle/call.hpp"

#include "treadle/callback_error.hpp"

namespace treadle {

bool Call::end_waiting(State how) noexcept {
  State waits = State::kWaits;
  return state_.compare_exchange_strong(waits, how);
}

bool Call::cancel() noexcept {
  if (!end_waiting(State::kCancelled)) return false;
  const Ref<Call> self(*this);  // the callback may own the last handle
  destroy_callback();
  withdraw();
  return true;
}

void Call::run() {
  const auto self = Ref<Call>::adopt(*this);
  if (end_waiting(State::kOver)) call_made_at(created_at_, [this] { call(); });
}

void Call::discard() noexcept {
  const auto self = Ref<Call>::adopt(*this);
  if (end_waiting(State::kOver)) destroy_callback();
}

}  // namespace treadle
