#include "treadle/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace treadle {

std::string on_one_line(std::string_view text) {
  std::string quoted = fmt::format("{:?}", text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string short_time(Clock::duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const double size = std::abs(seconds);
  if (size == 0) return "0";
  if (size >= 0.9995) return fmt::format("{:.{}f}s", seconds, size < 10 ? 2 : size < 100 ? 1 : 0);
  if (size >= 0.9995e-3) return fmt::format("{:.3g}ms", seconds * 1e3);
  if (size >= 0.9995e-6) return fmt::format("{:.3g}us", seconds * 1e6);
  return fmt::format("{:.3g}ns", seconds * 1e9);
}

}  // namespace treadle
