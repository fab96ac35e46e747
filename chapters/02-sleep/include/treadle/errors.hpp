// errors.hpp: the words in which the runtime says no.
//
// Two kinds of wrong, kept apart. An *expected* failure (a program that can go no further, an
// object asked in the wrong state) is an exception that the caller may catch. A *broken
// precondition* is a bug in the calling code: precondition() states the sentence that was broken and
// stops the process, in every build.
//
// Thread safety: all of it may be used from any thread.
#pragma once

// The lowest header, so that a program hears at once what its compiler lacks.
#if __cplusplus < 202002L || !defined(__cpp_impl_coroutine) || !defined(__cpp_exceptions) || \
    !defined(__cpp_rtti)
#error "Treadle needs C++20 (-std=c++20) with coroutines, exceptions and run-time type information."
#endif

#include <source_location>
#include <stdexcept>

namespace treadle {

/// An object was asked for something that its present state does not allow, such as the result of
/// a task that has not finished. The name is asyncio's.
class InvalidStateError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The loop has nothing left that could ever run, yet tasks still wait. The message lists each of
/// them with what it waits for. asyncio would hang here for ever; trio and the Go runtime taught
/// us to say so.
class DeadlockError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

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
