#include "support/http.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace examples::http {

namespace {

// Ends the reading of a request: it is answered with `status`.
struct Refusal {
  int status;
};

void refuse_unless(bool fine, int status) {
  if (!fine) throw Refusal{status};
}

// ---- Characters. Those of <cctype> depend on the locale; a protocol must not.

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_visible(char c) { return c > ' ' && c <= '~'; }
bool is_token_char(char c) {
  return is_digit(c) || is_letter(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_value_char(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
}

template <class Predicate>
bool all_of(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

bool is_token(std::string_view text) { return !text.empty() && all_of(text, is_token_char); }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

int hex_digit(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::size_t value = kDigits.find(lower({&c, 1}));
  refuse_unless(value != kDigits.npos, 400);
  return static_cast<int>(value);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes what stands before the next `separator` off `rest`, or all of it where there is none.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  return part;
}

// A line may end with LF alone, as people at a terminal send it.
std::string_view take_line(std::string_view& rest) {
  std::string_view line = take_until(rest, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// ---- The request line

// `a%20b` as the client meant it. Neither a slash nor a zero may hide in it: behind us, both mean
// something else than a character of a name.
std::string decode(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    char c = text.front();
    if (c == '%') {
      refuse_unless(text.size() >= 3, 400);
      c = static_cast<char>(hex_digit(text[1]) * 16 + hex_digit(text[2]));
      refuse_unless(c != '\0', 400);
      refuse_unless(c != '/', 404);
      text.remove_prefix(2);
    }
    text.remove_prefix(1);
    result += c;
  }
  return result;
}

// `/img/a%20b.png` by its parts. None may begin with a dot, which rules out hidden files and the
// two names that lead elsewhere, `.` and `..`; none but the last may be empty.
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  path.remove_prefix(1);
  do {
    const bool last = path.find('/') == path.npos;
    parts.push_back(decode(take_until(path, '/')));
    refuse_unless(!parts.back().starts_with('.') && (last || !parts.back().empty()), 404);
    if (!last && path.empty()) parts.emplace_back();
  } while (!path.empty());
  return parts;
}

// A proxy's form, `http://host/path`, means /path here.
std::string_view without_authority(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (lower(target.substr(0, kScheme.size())) != kScheme) return target;
  target.remove_prefix(kScheme.size());
  const std::size_t path = target.find_first_of("/?");
  return path == target.npos ? "/" : target.substr(path);
}

void read_target(Request& request) {
  refuse_unless(all_of(request.target, is_visible), 400);
  refuse_unless(request.target.find('#') == std::string::npos, 400);
  std::string_view path = without_authority(request.target);
  const std::size_t query = std::min(path.find('?'), path.size());
  request.query = path.substr(query);
  path = path.substr(0, query);
  refuse_unless(path.starts_with('/'), 400);
  request.path = split_path(path);
}

void read_version(std::string_view version, Request& request) {
  refuse_unless(version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                    version[6] == '.' && is_digit(version[7]),
                400);
  refuse_unless(version[5] == '1', 505);
  request.old = version[7] == '0';
}

void check_method(const Request& request) {
  constexpr std::array<std::string_view, 7> kOthers{"POST",    "PUT",   "DELETE", "PATCH",
                                                    "OPTIONS", "TRACE", "CONNECT"};
  if (request.method == "GET" || request.method == "HEAD") return;
  throw Refusal{std::count(kOthers.begin(), kOthers.end(), request.method) > 0 ? 405 : 501};
}

void read_request_line(std::string_view line, Request& request) {
  refuse_unless(line.size() <= kMostLineBytes, 414);
  request.method = take_until(line, ' ');
  request.target = take_until(line, ' ');
  request.head_only = request.method == "HEAD";
  refuse_unless(is_token(request.method), 400);
  read_version(line, request);
}

// ---- The fields

class Fields {
 public:
  // `Host: example.org`. A line that goes on with the one before, or a space before the colon, has
  // been read in two ways by two servers before: neither is allowed.
  void add(std::string_view line) {
    refuse_unless(fields_.size() < kMostFields, 431);
    const std::size_t colon = line.find(':');
    refuse_unless(colon != line.npos && is_token(line.substr(0, colon)), 400);
    const std::string_view value = trim(line.substr(colon + 1));
    refuse_unless(all_of(value, is_value_char), 400);
    fields_.emplace_back(lower(line.substr(0, colon)), value);
  }

  // All values of a field in one, with commas between, as the standard has it.
  std::string get(std::string_view name) const {
    std::string all;
    for (const auto& [key, value] : fields_)
      if (key == name) all.append(all.empty() ? "" : ", ").append(value);
    return all;
  }

  auto count(std::string_view name) const {
    return std::count_if(fields_.begin(), fields_.end(),
                         [&](const auto& field) { return field.first == name; });
  }

  // Whether a list such as that of Connection has `word`.
  bool lists(std::string_view name, std::string_view word) const {
    const std::string all = lower(get(name));
    for (std::string_view rest = all; !rest.empty();)
      if (trim(take_until(rest, ',')) == word) return true;
    return false;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

void check_host(const Fields& fields, const Request& request) {
  const auto count = fields.count("host");
  refuse_unless(count == 1 || (count == 0 && request.old), 400);
  refuse_unless(all_of(fields.get("host"), is_visible), 400);
}

// Nothing that we serve takes a body. One that came would stand where the next request begins, so
// there must be no doubt that there is none.
void check_body(const Fields& fields) {
  const bool has_length = fields.count("content-length") > 0;
  refuse_unless(!has_length || fields.count("transfer-encoding") == 0, 400);
  refuse_unless(fields.count("transfer-encoding") == 0, 501);
  const std::string length = fields.get("content-length");
  refuse_unless(!has_length || (!length.empty() && all_of(length, is_digit)), 400);
  refuse_unless(length.find_first_not_of('0') == length.npos, 413);
}

void use_fields(const Fields& fields, Request& request) {
  check_host(fields, request);
  check_method(request);
  check_body(fields);
  request.keep_alive =
      request.old ? fields.lists("connection", "keep-alive") : !fields.lists("connection", "close");
  request.if_modified_since = fields.get("if-modified-since");
}

void read_head(std::string_view head, Request& request) {
  std::string_view line = take_line(head);
  while (line.empty() && !head.empty()) line = take_line(head);
  read_request_line(line, request);
  Fields fields;
  for (line = take_line(head); !line.empty(); line = take_line(head)) fields.add(line);
  use_fields(fields, request);
  read_target(request);
}

}  // namespace

std::size_t head_size(std::string_view text, std::size_t seen) {
  // Empty lines before a request belong to it; an end needs a line that is not.
  const std::size_t begin = text.find_first_not_of("\r\n");
  if (begin == text.npos) return 0;
  std::size_t end = text.find('\n', std::max(begin, seen - std::min<std::size_t>(seen, 2)));
  for (; end != text.npos; end = text.find('\n', end + 1)) {
    const std::string_view rest = text.substr(end + 1);
    if (rest.starts_with('\n')) return end + 2;
    if (rest.starts_with("\r\n")) return end + 3;
  }
  return 0;
}

Request refused(int status) {
  Request request;
  request.method = request.target = "-";
  request.refused = status;
  return request;
}

Request parse_request(std::string_view head) {
  Request request;
  try {
    read_head(head, request);
  } catch (const Refusal& refusal) {
    request.refused = refusal.status;
    request.keep_alive = false;  // where the next request would begin is anybody's guess
  }
  return request;
}

int status_of_long_head(std::string_view head) {
  return head.substr(0, kMostLineBytes).find('\n') == head.npos ? 414 : 431;
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

std::string encode(const std::vector<std::string>& path) {
  std::string result;
  for (const std::string& part : path) {
    result += '/';
    for (const char c : part) {
      const bool plain = is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.';
      result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

std::string date(std::time_t time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(time));
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 200))
    result +=
        is_visible(c) ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text.size() > 200 ? result + "..." : result;
}

}  // namespace examples::http
