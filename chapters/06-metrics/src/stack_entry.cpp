#include "treadle/stack_entry.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace treadle {

namespace {

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += by.size())
    text.replace(at, what.size(), by);
}

// Where the bracket opens that is closed by the last `closing` of `text`; npos where there is none.
std::size_t opening_of_last(std::string_view text, char opening, char closing) {
  std::size_t at = text.rfind(closing);
  int depth = 0;
  for (; at != text.npos; at = at == 0 ? text.npos : at - 1) {
    if (text[at] == closing) ++depth;
    if (text[at] == opening && --depth == 0) break;
  }
  return at;
}

// Past the last blank that is in no bracket: what stands before it is a return type.
std::size_t begin_of_name(std::string_view text) {
  int depth = 0;
  for (std::size_t at = text.size(); at > 0; --at) {
    const char c = text[at - 1];
    if (c == ')' || c == '>' || c == '}') ++depth;
    if (c == '(' || c == '<' || c == '{') --depth;
    if (c == ' ' && depth == 0) return at;
  }
  return 0;
}

// The ways in which compilers write a lambda's function, as `lambda`.
void name_lambdas(std::string& text) {
  for (const std::string_view clang : {"(anonymous class)", "(lambda)"})
    replace_all(text, clang, "lambda");
  for (std::size_t at = 0; (at = text.find("<lambda(", at)) != text.npos;) {
    const std::size_t end = text.find(")>", at);
    if (end == text.npos) break;
    text.replace(at, end + 2 - at, "lambda");
  }
  replace_all(text, "lambda::operator()", "lambda");
}

}  // namespace

std::string short_function_name(std::string_view function) {
  std::string text(function.substr(0, function.find(" [")));  // `[T = int]`, `[with T = int]`
  replace_all(text, "(anonymous namespace)::", "");
  replace_all(text, "{anonymous}::", "");
  name_lambdas(text);
  const bool ends_in_arguments = text.find("::", text.rfind(')')) == text.npos;
  const std::size_t arguments = opening_of_last(text, '(', ')');
  if (ends_in_arguments && arguments != text.npos && arguments > 0) text.resize(arguments);
  return text.substr(begin_of_name(text));
}

StackEntry::StackEntry(const std::source_location& where)
    : function(short_function_name(where.function_name())),
      file(where.file_name()),
      line(static_cast<unsigned>(where.line())) {}

std::string to_string(const StackEntry& entry) {
  return fmt::format("{} ({}:{})", entry.function, base_name(entry.file), entry.line);
}

std::string to_string(const std::source_location& where) {
  return fmt::format("{}:{}", base_name(where.file_name()), where.line());
}

}  // namespace treadle
