// errors.hpp: the words in which the runtime says no.
//
// Two kinds of wrong, kept apart, and one word that is neither. An *expected* failure (a program that can go no further, an
// object asked in the wrong state) is an exception that the caller may catch. A *broken
// precondition* is a bug in the calling code: precondition() states the sentence that was broken and
// stops the process, in every build. And CancelledError is no failure at all: it is how a task
// hears that nobody wants its work any more.
//
// Thread safety: all of it may be used from any thread.
#pragma once

// The lowest header, so that a program hears at once what its compiler lacks.
#if __cplusplus < 202002L || !defined(__cpp_impl_coroutine) || !defined(__cpp_exceptions) || \
    !defined(__cpp_rtti)
#error "Treadle needs C++20 (-std=c++20) with coroutines, exceptions and run-time type information."
#endif

#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle {

/// An object was asked for something that its present state does not allow, such as the result of
/// a task that has not finished. The name is asyncio's.
class InvalidStateError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The loop was closed: it runs nothing any more, and takes nothing on.
class LoopClosedError : public InvalidStateError {
 public:
  using InvalidStateError::InvalidStateError;
};

/// The loop has nothing left that could ever run, yet tasks still wait. The message lists each of
/// them with what it waits for. asyncio would hang here for ever; trio and the Go runtime taught
/// us to say so.
class DeadlockError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A system call that failed, for a task.
class OperationError : public std::system_error {
 public:
  /// `error` is an errno. `operation` says which call and with whom, `task` for which task, and
  /// `why` what else there is to say.
  OperationError(int error, const std::string& operation, std::string task,
                 const std::string& why = {});

  /// `recv from 127.0.0.1:40312`.
  const std::string& operation() const noexcept { return operation_; }

  /// `Task-7`.
  const std::string& task() const noexcept { return task_; }

 private:
  std::string operation_;
  std::string task_;
};

/// Who asked a task to end.
enum class CancelOrigin {
  kCode,         ///< the program, outside of any task
  kTask,         ///< another task, or the task itself
  kDeadline,     ///< time is up
  kSignal,       ///< the system, or somebody at the keyboard
  kLoopClosing,  ///< the loop, which goes
};

/// Thrown out of the co_await at which a task waits when somebody cancels it.
///
/// It is no std::exception on purpose: `catch (const std::exception&)` means "what can go wrong
/// here", and must not swallow it. Who catches it to clean up throws it again. The name is
/// asyncio's, which moved it out of Exception in Python 3.8 for the same reason.
///
/// A copy throws nothing and allocates nothing.
class CancelledError {
 public:
  explicit CancelledError(std::string reason = {}, CancelOrigin origin = CancelOrigin::kCode,
                          std::string by = {});

  /// What the one who cancelled had to say; may be empty.
  const std::string& reason() const noexcept { return details().reason; }

  CancelOrigin origin() const noexcept { return origin_; }

  /// The name of the one who cancelled: `Task-3`, `SIGINT`. Empty where there is none.
  const std::string& by() const noexcept { return details().by; }

  /// The errors that led to the cancel, the nearest first: what made a sibling fail, or the
  /// CancelledError of another task, which has causes of its own.
  const std::vector<std::exception_ptr>& causes() const noexcept { return details().causes; }

  /// A copy with one more cause, behind those that are there.
  CancelledError caused_by(std::exception_ptr cause) const;

  /// The request as a sentence, without causes: `cancelled by Task-3: too slow`.
  std::string message() const;

 private:
  friend class CancelRequests;

  struct Details {
    std::string reason;
    std::string by;
    std::vector<std::exception_ptr> causes;
  };
  const Details& details() const noexcept;

  std::shared_ptr<const Details> details_;  // null: all of it is empty
  CancelOrigin origin_;
  std::uint32_t causes_of_request_ = 0;  // how many of the causes were there when it was requested
  std::uint32_t task_ = 0;               // which task it was requested of; 0: of none
  std::uint32_t request_ = 0;            // the number of the request
};

/// The CancelledError that `error` holds; null if it holds another error, or none. It is there as long
/// as the error is.
const CancelledError* as_cancelled(const std::exception_ptr& error) noexcept;

/// What `error` says, and in brackets what caused it. REQUIRES: it is not null.
std::string describe(const std::exception_ptr& error);

/// Prints `sentence` with the place it speaks of, and stops the process.
[[noreturn]] void fail_precondition(const char* sentence, std::source_location where) noexcept;

/// Stops the process with `sentence` and the place of the call unless `holds`. On in every build
/// type: a broken precondition that is noticed only in debug builds is a bug that ships.
inline void precondition(bool holds, const char* sentence,
                         std::source_location where = std::source_location::current()) noexcept {
  if (!holds) [[unlikely]]
    fail_precondition(sentence, where);
}

}  // namespace treadle
