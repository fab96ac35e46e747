// json.hpp: writing JSON, as much of it as reports need.
//
// There are libraries that do much more. To write an object of numbers and strings takes a page, and
// a runtime should not make its users depend on a library for a page. What is difficult about it is
// the strings: a task's name may hold quotes, line ends, and bytes that are no UTF-8.
//
// Thread safety: values.
// Source: RFC 8259.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace treadle {

/// `text` as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD each.
std::string json_string(std::string_view text);

/// `[a,b]`, of elements that are JSON already.
std::string json_array(const std::vector<std::string>& elements);

/// An object that grows member by member: `JsonObject().add("turns", 3).text()` is `{"turns":3}`.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view text) {
    return add_json(key, json_string(text));
  }
  JsonObject& add(std::string_view key, const char* text) {
    return add(key, std::string_view(text));
  }
  JsonObject& add(std::string_view key, std::integral auto number) {
    if constexpr (std::same_as<decltype(number), bool>) {
      return add_json(key, number ? "true" : "false");
    } else {
      return add_json(key, std::to_string(number));
    }
  }

  /// A member whose value is JSON already.
  JsonObject& add_json(std::string_view key, std::string_view json);

  std::string text() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

}  // namespace treadle
