#include <string>

#include "testing/catch.hpp"
#include "treadle/json.hpp"

namespace test_json {

using treadle::json_array;
using treadle::json_string;
using treadle::JsonObject;

TEST_CASE("Json: what has a meaning in a string is escaped", "[json]") {
  CHECK(json_string("plain") == R"("plain")");
  CHECK(json_string("say \"hi\" \\ bye") == R"("say \"hi\" \\ bye")");
  CHECK(json_string("a\nb\tc\r") == R"("a\nb\tc\r")");
  CHECK(json_string(std::string("\0\x1f", 2)) == R"("\u0000\u001f")");
  CHECK(json_string("") == R"("")");
}

TEST_CASE("Json: UTF-8 passes, and what is none becomes a sign of its own", "[json]") {
  CHECK(json_string("Grüße, 日本, 😀") == "\"Grüße, 日本, 😀\"");
  CHECK(json_string("\xff") == R"("\ufffd")");
  CHECK(json_string("a\xc3") == R"("a\ufffd")");          // cut off
  CHECK(json_string("\xc0\xaf") == R"("\ufffd\ufffd")");  // longer than it need be
  CHECK(json_string("\xe0\x80\xaf") == R"("\ufffd\ufffd\ufffd")");
  CHECK(json_string("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");  // half of a pair
  CHECK(json_string("\xf4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");
  CHECK(json_string("\xe2\x82(") == R"("\ufffd\ufffd(")");
}

TEST_CASE("Json: objects and arrays keep the order of their members", "[json]") {
  CHECK(JsonObject().text() == "{}");
  CHECK(JsonObject().add("b", 1).add("a", "x").add("ok", true).text() ==
        R"({"b":1,"a":"x","ok":true})");
  CHECK(JsonObject().add_json("list", json_array({"1", "{}"})).text() == R"({"list":[1,{}]})");
  CHECK(json_array({}) == "[]");
}

}  // namespace test_json
