#include "treadle/errors.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <typeinfo>

namespace treadle {

namespace {

constexpr int kDeepestCause = 8;  // causes of causes that describe() still shows

std::string describe_to_depth(const std::exception_ptr& error, int depth);

std::string describe_causes(const CancelledError& error, int depth) {
  if (error.causes().empty()) return "";
  if (depth == kDeepestCause) return " [...]";
  std::string text = " [";
  for (const std::exception_ptr& cause : error.causes())
    text +=
        (text.size() > 2 ? "; because of: " : "because of: ") + describe_to_depth(cause, depth + 1);
  return text + "]";
}

std::string describe_to_depth(const std::exception_ptr& error, int depth) {
  if (const CancelledError* cancelled = as_cancelled(error))
    return cancelled->message() + describe_causes(*cancelled, depth);
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an object that is no std::exception";
  }
}

}  // namespace

OperationError::OperationError(int error, const std::string& operation, std::string task,
                               const std::string& why)
    : std::system_error(error, std::generic_category(),
                        why.empty() ? operation : operation + ": " + why),
      operation_(operation),
      task_(std::move(task)) {}

CancelledError::CancelledError(std::string reason, CancelOrigin origin, std::string by)
    : origin_(origin) {
  if (!reason.empty() || !by.empty())
    details_ = std::make_shared<const Details>(Details{std::move(reason), std::move(by), {}});
}

const CancelledError::Details& CancelledError::details() const noexcept {
  // Never destroyed: the destructor of a static object may ask.
  alignas(Details) static unsigned char memory[sizeof(Details)];
  static const Details* const none = new (memory) Details{};
  return details_ ? *details_ : *none;
}

CancelledError CancelledError::caused_by(std::exception_ptr cause) const {
  Details more = details();
  more.causes.push_back(std::move(cause));
  CancelledError longer = *this;
  longer.details_ = std::make_shared<const Details>(std::move(more));
  return longer;
}

std::string CancelledError::message() const {
  std::string sentence = "cancelled";
  if (origin_ == CancelOrigin::kDeadline) sentence += " because time is up";
  if (origin_ == CancelOrigin::kLoopClosing) sentence += " because the loop closes";
  if (!by().empty()) sentence += " by " + by();
  return reason().empty() ? sentence : sentence + ": " + reason();
}

const CancelledError* as_cancelled(const std::exception_ptr& error) noexcept {
  if (error == nullptr) return nullptr;
#ifdef __GLIBCXX__
  // The C++ runtime knows the type. To throw the error again and catch it gives the same answer, for
  // ten thousand instructions.
  static_assert(sizeof error == sizeof(void*), "an exception_ptr is a pointer to the exception");
  void* object = nullptr;
  std::memcpy(static_cast<void*>(&object), static_cast<const void*>(&error), sizeof object);
  if (!typeid(CancelledError).__do_catch(error.__cxa_exception_type(), &object, 1)) return nullptr;
  return static_cast<const CancelledError*>(object);
#else
  try {
    std::rethrow_exception(error);
  } catch (const CancelledError& cancelled) {
    return &cancelled;
  } catch (...) {
    return nullptr;
  }
#endif
}

std::string describe(const std::exception_ptr& error) { return describe_to_depth(error, 0); }

void fail_precondition(const char* sentence, std::source_location where) noexcept {
  // stdio and not fmt: whatever is broken, this must get out.
  std::fprintf(stderr, "treadle: broken precondition: %s\n  checked in %s\n  at %s:%u\n", sentence,
               where.function_name(), where.file_name(), static_cast<unsigned>(where.line()));
  std::fflush(stderr);
  std::abort();
}

}  // namespace treadle
