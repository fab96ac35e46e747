// ref.hpp: a pointer that counts in the object it points to.
//
// std::shared_ptr would do, at the price of two words a handle and of a second block for the counts.
// Our tasks have a block of their own already, so the count lies there.
//
// Invariants
//   1. A Ref that is not null has called retain() once and will call release() once.
//   2. What is RefCounted is deleted by the release() that brings its count to 0, and by nobody else.
//
// Thread safety: as much as T's retain() and release() give; those of RefCounted may be called from
// any thread.
#pragma once

#include <atomic>
#include <concepts>
#include <utility>

namespace treadle {

/// A counted reference to a T, which has retain() and release().
template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  explicit Ref(T& target) noexcept : target_(&target) { target.retain(); }

  /// A reference that has been counted already.
  static Ref adopt(T& target) noexcept {
    Ref ref;
    ref.target_ = &target;
    return ref;
  }

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

/// The base of a T that several threads hold: counts the references, and the last to go deletes the
/// T. `class Job : public RefCounted<Job>`; a Job whose destructor is not public has RefCounted<Job>
/// as a friend, and one that others derive from has a virtual one.
template <class T>
class RefCounted {
 public:
  /// REQUIRES: the caller has a reference, or somebody keeps one for him meanwhile.
  void retain() noexcept {
    // Relaxed, for it is a number and says nothing: that the object is there, and what is in it, the
    // caller knows from where he has his own reference.
    references_.fetch_add(1, std::memory_order_relaxed);
  }

  /// Gives one reference back.
  void release() noexcept {
    // Release, so that all that we have done with the object comes before; and acquire, so that the
    // last, who destroys it, comes after what all the others have done.
    // Whoever has the only one there is knows it without locking the bus.
    if (references_.load(std::memory_order_acquire) == 1 ||
        references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete static_cast<T*>(this);
  }

 private:
  friend T;

  /// Whoever makes the T has so many references to give away.
  explicit RefCounted(int references) noexcept : references_(references) {}
  ~RefCounted() = default;

  std::atomic<int> references_;
};

}  // namespace treadle
