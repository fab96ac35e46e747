// result.hpp: how something ended: with a value, with an error, or not yet.
//
// A coroutine ends in one place and is asked about it in another, perhaps much later and more
// than once. Result keeps the ending in between. It can be read any number of times; take() and
// take_over() move the value out.
//
// Invariants
//   1. Empty, then a value or an error. Only an error may still take the place of a value: that of a
//      local's destructor, which runs after `co_return`.
//   2. A T that is a reference is kept as a pointer, a void as nothing at all.
//
// Thread safety: none.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "treadle/errors.hpp"

namespace treadle {

/// The ending of a computation that yields a T: void, a value (move-only ones too) or a
/// reference.
template <class T>
class Result {
  static_assert(!std::is_rvalue_reference_v<T>,
                "a result is kept, and an rvalue reference cannot be");

  struct Nothing {};
  using Stored = std::conditional_t<
      std::is_void_v<T>, Nothing,
      std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

 public:
  /// What get() gives: a T& for a reference, nothing for void, else a const T&.
  using View = std::conditional_t<std::is_void_v<T>, void, std::add_lvalue_reference_t<const T>>;

  /// True once there is a value or an error.
  bool ready() const noexcept { return ending_.index() != kEmpty; }

  /// The error, or null while there is none.
  std::exception_ptr error() const noexcept {
    auto* error = std::get_if<kError>(&ending_);
    return error ? *error : nullptr;
  }

  void set_error(std::exception_ptr error) noexcept {
    ending_.template emplace<kError>(std::move(error));
  }

  /// Ends with a value. For a T that is void, call it without an argument.
  template <class... U>
  void set_value(U&&... value) {
    if constexpr (std::is_reference_v<T>) {
      ending_.template emplace<kValue>(std::addressof(value)...);
    } else {
      ending_.template emplace<kValue>(std::forward<U>(value)...);
    }
  }

  /// Takes over how `other` ended. What T's constructor throws on the way becomes the error.
  void take_over(Result& other) noexcept {
    try {
      if (auto* value = std::get_if<kValue>(&other.ending_)) {
        ending_.template emplace<kValue>(std::move(*value));
      } else {
        set_error(other.error());
      }
    } catch (...) {
      set_error(std::current_exception());
    }
  }

  /// Destroys the value, if that is how it ended. It cannot be asked for then.
  void drop_value() noexcept {
    if (ending_.index() == kValue) ending_.template emplace<kEmpty>();
  }

  /// The value, left in place, or the error thrown. REQUIRES: ready().
  View get() const {
    throw_if_error();
    if constexpr (std::is_reference_v<T>) {
      return **std::get_if<kValue>(&ending_);
    } else if constexpr (!std::is_void_v<T>) {
      return *std::get_if<kValue>(&ending_);
    }
  }

  /// The value, moved out, or the error thrown. REQUIRES: ready(), and nobody took the value
  /// before.
  T take() {
    throw_if_error();
    if constexpr (std::is_reference_v<T>) {
      return **std::get_if<kValue>(&ending_);
    } else if constexpr (!std::is_void_v<T>) {
      return std::move(*std::get_if<kValue>(&ending_));
    }
  }

 private:
  enum Ending : std::size_t { kEmpty, kValue, kError };

  void throw_if_error() const {
    precondition(ready(), "a Result is read only after it was set");
    if (auto* error = std::get_if<kError>(&ending_)) std::rethrow_exception(*error);
  }

  std::variant<std::monostate, Stored, std::exception_ptr> ending_;
};

}  // namespace treadle
