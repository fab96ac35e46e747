// heap.hpp: how often this process has asked for memory, and given it back.
#pragma once

#include <cstddef>

namespace treadle::testing::heap {

/// Calls of operator new that succeeded.
std::size_t blocks_made() noexcept;

/// Calls of operator delete with something to delete.
std::size_t blocks_released() noexcept;

}  // namespace treadle::testing::heap
