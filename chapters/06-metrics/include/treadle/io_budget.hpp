// io_budget.hpp: how much may be read and written before other tasks have their turn.
//
// A peer that sends faster than we read never makes us wait, and a task that never waits never lets
// another one run. So all that moves bytes counts them, and stops for a turn when the budget is spent.
//
// Thread safety: none.
// Source: asyncio reads at most 256 KiB at a time; the word is of tokio's cooperative scheduling.
#pragma once

#include <algorithm>
#include <cstddef>

namespace treadle {

class IoBudget {
 public:
  static constexpr std::size_t kBytes = std::size_t{256} * 1024;

  /// What a call costs that moves less: a system call takes as long as copying a page or more.
  static constexpr std::size_t kLeast = 4096;

  bool spent() const noexcept { return left_ == 0; }

  /// How many bytes one call may move.
  std::size_t left() const noexcept { return left_; }

  /// A call has moved `bytes`.
  void spend(std::size_t bytes) noexcept { left_ -= std::min(left_, std::max(bytes, kLeast)); }

 private:
  std::size_t left_ = kBytes;
};

}  // namespace treadle
