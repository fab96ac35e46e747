// callback_error.hpp: what a callback has thrown, with the place where the callback was made.
//
// A callback has no name and no stack that could be asked for. What is known of it is the call that
// gave it to the loop. So each callback keeps that place, and an error that leaves it takes it along to
// the loop, which reports both.
//
// Thread safety: values.
// Cost: a pointer in each callback, and nothing where none fails.
#pragma once

#include <exception>
#include <source_location>
#include <utility>

namespace treadle {

/// Thrown out of a callback in the place of what the callback itself has thrown.
struct CallbackError {
  std::exception_ptr error;
  std::source_location created_at;
};

/// Calls `f()`; what that throws is thrown on as a CallbackError.
template <class F>
void call_made_at(const std::source_location& created_at, F&& f) {
  try {
    std::forward<F>(f)();
  } catch (...) {
    throw CallbackError{std::current_exception(), created_at};
  }
}

}  // namespace treadle
