// counters.hpp: proof that nothing leaks and nothing is destroyed twice.
//
// A leak checker that looks for pointers can be fooled by one that is still lying in a register. Counting cannot: what
// was made less what was destroyed must come to nothing.
#pragma once

#include <cstddef>

namespace treadle::testing {

/// How many blocks of memory are in use, by operator new and delete, of this whole process.
std::size_t live_allocations() noexcept;

/// How many times operator new has been called.
std::size_t total_allocations() noexcept;

/// Lives as long as a test's scope; says whether as much was released as was taken in it.
class AllocationCheck {
 public:
  bool balanced() const noexcept { return live_allocations() == before_; }
  std::size_t made() const noexcept { return total_allocations() - total_before_; }

 private:
  std::size_t before_ = live_allocations();
  std::size_t total_before_ = total_allocations();
};

/// An object that is counted. As an argument or a local of a coroutine it tells whether the frame is still there.
class Counted {
 public:
  explicit Counted(int value = 0) noexcept : value_(value) { ++live_; }
  Counted(const Counted& other) noexcept : value_(other.value_) { ++live_, ++copies_; }
  Counted(Counted&& other) noexcept : value_(other.value_) { ++live_; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --live_; }

  int value() const noexcept { return value_; }

  static int live() noexcept { return live_; }
  static int copies() noexcept { return copies_; }
  static void reset() noexcept { live_ = copies_ = 0; }

 private:
  int value_;

  inline static int live_ = 0;
  inline static int copies_ = 0;
};

}  // namespace treadle::testing
