// ref.hpp: a pointer that counts in the object it points to.
//
// std::shared_ptr would do, at the price of two words a handle and of counts that are atomic in a
// program with threads. Our tasks have a block of their own already, so a plain count lies there.
//
// Invariants
//   1. A Ref that is not null has called retain() once and will call release() once.
//
// Thread safety: as much as T's retain() and release() give.
#pragma once

#include <concepts>
#include <utility>

namespace treadle {

/// A counted reference to a T, which has retain() and release().
template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  explicit Ref(T& target) noexcept : target_(&target) { target.retain(); }

  Ref(const Ref& other) noexcept : target_(other.target_) {
    if (target_ != nullptr) target_->retain();
  }
  Ref(Ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}

  /// A reference to a class is one to its base. The two may count differently, so each counts its own.
  template <std::derived_from<T> U>
  Ref(Ref<U> other) noexcept : target_(other ? &*other : nullptr) {
    if (target_ != nullptr) target_->retain();
  }

  Ref& operator=(Ref other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Ref() {
    if (target_ != nullptr) target_->release();
  }

  explicit operator bool() const noexcept { return target_ != nullptr; }
  T& operator*() const noexcept { return *target_; }
  T* operator->() const noexcept { return target_; }

  /// Becomes null and leaves the count to the caller.
  T* forget() noexcept { return std::exchange(target_, nullptr); }

 private:
  T* target_ = nullptr;
};

}  // namespace treadle
