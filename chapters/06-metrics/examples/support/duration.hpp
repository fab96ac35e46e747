// duration.hpp: spans of time as people write them: `500ms`, `2s`, `1.5m`, `1h`.
#pragma once

#include <chrono>
#include <string>

namespace examples {

/// Throws std::invalid_argument where `text` is no span of time.
std::chrono::nanoseconds parse_duration(const std::string& text);

/// `1.5s`; what parse_duration() reads.
std::string to_string(std::chrono::nanoseconds duration);

}  // namespace examples
