// heap.hpp: how often this process has asked for memory, and given it back.
#pragma once

#include <cstddef>

namespace treadle::testing::heap {

/// Calls of operator new that succeeded.
std::size_t blocks_made() noexcept;

/// Calls of operator delete with something to delete.
std::size_t blocks_released() noexcept;

/// The next `count` allocations of this thread succeed, the one after fails, and those after that succeed again.
void fail_after(std::size_t count) noexcept;
void fail_no_more() noexcept;

/// True if one has failed, or none is to fail.
bool has_failed() noexcept;

}  // namespace treadle::testing::heap
