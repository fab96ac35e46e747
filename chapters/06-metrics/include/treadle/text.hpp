// text.hpp: names and durations as parts of a line that people read.
//
// Warnings, tables and trees show both. A name may come from a request, so it may hold line ends and
// escape sequences; and a duration is compared at a glance only if it has few digits.
//
// Thread safety: functions of values.
#pragma once

#include <string>
#include <string_view>

#include "treadle/clock.hpp"

namespace treadle {

/// `text` as a part of one line: what would break it, or command a terminal, is written as in C++,
/// as `\n` or `\x1b`. So are quotes and backslashes, so that different texts never look the same.
std::string on_one_line(std::string_view text);

/// `2.50s`, `140ms`, `12.3us`, `0`: three digits, as people compare them.
std::string short_time(Clock::duration time);

}  // namespace treadle
