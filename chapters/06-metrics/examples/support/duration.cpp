#include "support/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace examples {

namespace {

struct Unit {
  std::string_view name;
  double seconds;
};
constexpr std::array<Unit, 4> kUnits{{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}}};
constexpr double kMostSeconds = 100.0 * 365 * 24 * 3600;  // far within what a clock can count

}  // namespace

std::chrono::nanoseconds parse_duration(const std::string& text) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  for (const Unit& unit : kUnits) {
    if (digits == 0 || digits == text.npos || text.substr(digits) != unit.name) continue;
    const double seconds = std::strtod(text.c_str(), nullptr) * unit.seconds;
    if (seconds > kMostSeconds) break;
    return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(seconds * 1e9));
  }
  throw std::invalid_argument(
      fmt::format("a span of time such as 500ms, 2s, 1.5m or 1h is needed, not `{}`", text));
}

std::string to_string(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  return seconds < 1 ? fmt::format("{:g}ms", seconds * 1000) : fmt::format("{:g}s", seconds);
}

}  // namespace examples
