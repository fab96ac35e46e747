// allocation_failure.hpp: memory that runs out when a test says so.
//
// A program that handles std::bad_alloc is rarely tested, because memory rarely runs out. Here an operation is tried
// again and again: its first allocation fails, then its second, and so on until it needs no more. Each time it has happened
// or it has not, never half, and nothing leaks.
#pragma once

#include <cstddef>

#include "testing/kit/heap.hpp"

#if __has_include("treadle/recycle.hpp")
#include "treadle/recycle.hpp"
#endif

namespace treadle::testing {

/// While it lives, one allocation of this thread fails: the one that comes after `after` others. Memory that this thread has
/// kept to use it again is given back first.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t after) noexcept {
#if __has_include("treadle/recycle.hpp")
    release_recycled();
#endif
    heap::fail_after(after);
  }
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation() { heap::fail_no_more(); }

  /// True once the allocation has failed.
  bool failed() const noexcept { return heap::has_failed(); }
};

}  // namespace treadle::testing
