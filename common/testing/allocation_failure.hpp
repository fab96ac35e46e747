// allocation_failure.hpp: memory that runs out when a test says so.
//
// A program that handles std::bad_alloc is rarely tested, because memory rarely runs out. Here an operation is tried
// again and again: its first allocation fails, then its second, and so on until it needs no more. Each time it has happened
// or it has not, never half, and nothing leaks.
#pragma once

#include <cstddef>

namespace treadle::testing {

/// While it lives, one allocation of this thread fails: the one that comes after `after` others. Memory that this thread has
/// kept to use it again is given back first.
class FailingAllocation {
 public:
  explicit FailingAllocation(std::size_t after) noexcept;
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  ~FailingAllocation();

  /// True once the allocation has failed.
  bool failed() const noexcept;
};

}  // namespace treadle::testing
