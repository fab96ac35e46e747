#include "treadle/json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstddef>

namespace treadle {

namespace {

unsigned byte_at(std::string_view text, std::size_t place) {
  return place < text.size() ? static_cast<unsigned char>(text[place]) : 0u;
}

// How many bytes at the front of `text` are one character of UTF-8 beyond ASCII; 0 where they are
// none. Neither longer than it need be, nor half of a UTF-16 pair, nor beyond the last character.
std::size_t utf8_character(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  const std::size_t length = lead < 0xC2   ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte_at(text, i) & 0xC0u) != 0x80u) return 0;
  const unsigned second = byte_at(text, 1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool no_character = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || no_character ? 0 : length;
}

std::string escaped(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    default:
      return fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
  }
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string json = "\"";
  while (!text.empty()) {
    const char c = text.front();
    std::size_t used = 1;
    if (const std::size_t length = utf8_character(text)) {
      json += text.substr(0, used = length);
    } else if (byte_at(text, 0) >= 0x80) {
      json += "\\ufffd";
    } else if (c == '"' || c == '\\' || byte_at(text, 0) < 0x20) {
      json += escaped(c);
    } else {
      json += c;
    }
    text.remove_prefix(used);
  }
  return json + "\"";
}

std::string json_array(const std::vector<std::string>& elements) {
  return fmt::format("[{}]", fmt::join(elements, ","));
}

JsonObject& JsonObject::add_json(std::string_view key, std::string_view json) {
  members_ += fmt::format("{}{}:{}", members_.empty() ? "" : ",", json_string(key), json);
  return *this;
}

}  // namespace treadle
