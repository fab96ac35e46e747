#include "treadle/clock.hpp"

#include "treadle/system.hpp"

namespace treadle {

Clock::time_point SteadyClock::now() const noexcept { return System::current().now(); }

}  // namespace treadle
