// context_storage.hpp: what a program wants to remember about a task, by key.
//
// A log line, a report, a stuck request: the question is always "whose?". So a task carries values
// of the program's own, of any type that can be printed. They are there to be looked at from outside;
// what the task itself computes with are its locals.
//
// Invariants
//   1. A key occurs once; keys keep the order in which they were first added.
//   2. A value never changes. A key that is added again gets another value.
//
// Thread safety: none of the storage itself, whose owner guards it. A value, once got, is
// anybody's.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace treadle {

/// A value of whatever type.
class ContextValue {
 public:
  virtual ~ContextValue() = default;

  /// As fmt prints it.
  virtual std::string text() const = 0;
};

template <class T>
class ContextValueOf final : public ContextValue {
 public:
  explicit ContextValueOf(T value) : value_(std::move(value)) {}

  const T& value() const noexcept { return value_; }
  std::string text() const override { return fmt::format("{}", value_); }

 private:
  const T value_;
};

/// As what a value is kept. Text is kept as a string, for a pointer to it may not live as long.
template <class T>
using ContextTypeOf = std::conditional_t<std::convertible_to<const T&, std::string_view>,
                                         std::string, std::decay_t<T>>;

/// What can be kept: what fmt can print.
template <class T>
concept ContextType = fmt::is_formattable<ContextTypeOf<T>>::value;

class ContextStorage {
 public:
  using Value = std::shared_ptr<const ContextValue>;

  /// Keys and values as text, in the order of the keys.
  using List = std::vector<std::pair<std::string, std::string>>;

  /// Gives back the value that was under `key` before, so that its destructor runs where the caller
  /// likes.
  Value set(std::string_view key, Value value);

  /// Null where there is none.
  Value get(std::string_view key) const;

  const std::vector<std::pair<std::string, Value>>& entries() const noexcept { return entries_; }

 private:
  std::vector<std::pair<std::string, Value>> entries_;
};

}  // namespace treadle
