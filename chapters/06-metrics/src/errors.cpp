#include "treadle/errors.hpp"

#include <cstdio>
#include <cstdlib>

namespace treadle {

OperationError::OperationError(int error, const std::string& operation, std::string task,
                               const std::string& why)
    : std::system_error(error, std::generic_category(),
                        why.empty() ? operation : operation + ": " + why),
      operation_(operation),
      task_(std::move(task)) {}

std::string CancelledError::message() const {
  std::string sentence = "cancelled";
  if (origin_ == CancelOrigin::kDeadline) sentence += " because time is up";
  if (origin_ == CancelOrigin::kLoopClosing) sentence += " because the loop closes";
  if (!by_.empty()) sentence += " by " + by_;
  return reason_.empty() ? sentence : sentence + ": " + reason_;
}

void fail_precondition(const char* sentence, std::source_location where) noexcept {
  // stdio and not fmt: whatever is broken, this must get out.
  std::fprintf(stderr, "treadle: broken precondition: %s\n  checked in %s\n  at %s:%u\n", sentence,
               where.function_name(), where.file_name(), static_cast<unsigned>(where.line()));
  std::fflush(stderr);
  std::abort();
}

}  // namespace treadle
