// process.hpp: in the model there is one process, and nothing forks.
#pragma once

#include <cstdint>

namespace treadle {

inline std::uint32_t process_number() noexcept { return 0; }

inline std::uint32_t note_process() noexcept { return 0; }

inline bool call_in_child(void (*)()) noexcept { return true; }

}  // namespace treadle
