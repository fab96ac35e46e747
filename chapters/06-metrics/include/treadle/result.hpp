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

  Result() noexcept {}
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() { clear(); }

  /// True once there is a value or an error.
  bool ready() const noexcept { return ending_ != Ending::kNone; }
  bool has_value() const noexcept { return ending_ == Ending::kValue; }

  /// The error, or null while there is none.
  std::exception_ptr error() const noexcept { return ending_ == Ending::kError ? error_ : nullptr; }

  void set_error(std::exception_ptr error) noexcept {
    clear();
    std::construct_at(&error_, std::move(error));
    ending_ = Ending::kError;
  }

  /// Ends with a value. For a T that is void, call it without an argument.
  template <class... U>
  void set_value(U&&... value) {
    clear();
    if constexpr (std::is_reference_v<T>) {
      std::construct_at(std::addressof(value_), std::addressof(value)...);
    } else {
      std::construct_at(std::addressof(value_), std::forward<U>(value)...);
    }
    ending_ = Ending::kValue;
  }

  /// Takes over how `other` ended. What T's constructor throws on the way becomes the error.
  void take_over(Result& other) noexcept {
    if (!other.has_value()) [[unlikely]]
      return copy_error(other);
    try {
      clear();
      std::construct_at(std::addressof(value_), std::move(other.value_));
      ending_ = Ending::kValue;
    } catch (...) {
      set_error(std::current_exception());
    }
  }

  /// Destroys the value, if that is how it ended. It cannot be asked for then.
  void drop_value() noexcept {
    if (has_value()) clear();
  }

  /// The value, left in place, or the error thrown. REQUIRES: ready().
  View get() const {
    if (!has_value()) throw_error();
    if constexpr (std::is_reference_v<T>) {
      return *value_;
    } else if constexpr (!std::is_void_v<T>) {
      return value_;
    }
  }

  /// The value, moved out, or the error thrown. REQUIRES: ready(), and nobody took the value
  /// before.
  T take() {
    if (!has_value()) throw_error();
    if constexpr (std::is_reference_v<T>) {
      return *value_;
    } else if constexpr (!std::is_void_v<T>) {
      return std::move(value_);
    }
  }

 private:
  enum class Ending : unsigned char { kNone, kValue, kError };

  void clear() noexcept {
    if (ending_ == Ending::kError) [[unlikely]] {
      std::destroy_at(&error_);
    } else if constexpr (!std::is_trivially_destructible_v<Stored>) {
      if (ending_ == Ending::kValue) std::destroy_at(std::addressof(value_));
    }
    ending_ = Ending::kNone;
  }

  // Neither of the two is ever part of its callers: errors are rare, and what handles them is long.
  [[gnu::noinline, gnu::cold]] void copy_error(const Result& other) noexcept {
    set_error(other.error());
  }
  [[noreturn, gnu::noinline, gnu::cold]] void throw_error() const {
    precondition(ready(), "a Result is read only after it was set");
    std::rethrow_exception(error_);
  }

  // A variant would do. It asks itself what it holds at every turn, and here we know.
  union {
    Stored value_;
    std::exception_ptr error_;
  };
  Ending ending_ = Ending::kNone;
};

}  // namespace treadle
