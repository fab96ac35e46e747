// counters.hpp: proof that nothing leaks and nothing is destroyed twice.
//
// A leak checker that looks for pointers can be fooled by one that is still lying in a register. Counting cannot: what
// was made less what was destroyed must come to nothing.
//
// From the stage on that recycles memory, a block that rests is not in use, and one that is used again was asked for:
// so the tests count what the code under test does, and not where its memory comes from.
#pragma once

#include <atomic>
#include <cstddef>

#include "testing/kit/heap.hpp"

#if __has_include("treadle/task_record.hpp")
#include "treadle/recycle.hpp"
#endif

namespace treadle::testing {

#if __has_include("treadle/task_record.hpp")
inline std::size_t blocks_resting() noexcept { return recycle_statistics().resting; }
inline std::size_t blocks_reused() noexcept { return recycle_statistics().reused; }
#else
inline std::size_t blocks_resting() noexcept { return 0; }
inline std::size_t blocks_reused() noexcept { return 0; }
#endif

/// How many blocks of memory are in use, by operator new and delete, of this whole process.
inline std::size_t live_allocations() noexcept {
  return heap::blocks_made() - heap::blocks_released() - blocks_resting();
}

/// How many times memory for an object has been asked for.
inline std::size_t total_allocations() noexcept { return heap::blocks_made() + blocks_reused(); }

/// Lives as long as a test's scope; says whether as much was released as was taken in it.
class AllocationCheck {
 public:
  bool balanced() const noexcept { return live_allocations() == before_; }
  std::size_t made() const noexcept { return total_allocations() - total_before_; }

 private:
  std::size_t before_ = live_allocations();
  std::size_t total_before_ = total_allocations();
};

/// An object that is counted. As an argument or a local of a coroutine it tells whether the frame is still there. On
/// whatever thread it is made, copied and destroyed.
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

  inline static std::atomic<int> live_ = 0;
  inline static std::atomic<int> copies_ = 0;
};

}  // namespace treadle::testing
