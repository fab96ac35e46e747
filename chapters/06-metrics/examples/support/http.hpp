// http.hpp: reading the head of an HTTP/1.x request, and writing that of a response.
//
// Text in, values out: nothing here knows sockets or files, so each rule can be tried with a
// string. What a client sends is believed only where the standard allows one reading of it; the
// rest is refused with the status that says why.
//
// Source: RFC 9110 (meaning), RFC 9112 (the bytes of HTTP/1.1).
#pragma once

#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace examples::http {

inline constexpr std::size_t kMostLineBytes = 8000;   // of the request line
inline constexpr std::size_t kMostHeadBytes = 16000;  // of the line and all the fields
inline constexpr std::size_t kMostFields = 100;

/// What a client asks for.
struct Request {
  std::string method;             // as it came, and so for the log only
  std::string target;             // likewise
  std::vector<std::string> path;  // {"img", "a b.png"}; the last is empty for a folder: {"img", ""}
  std::string query;              // with its ?, or empty
  std::string if_modified_since;  // as it came, or empty
  bool head_only = false;
  bool keep_alive = false;  // the client will go on asking on this connection
  bool old = false;         // an HTTP/1.0 client, who must be told of keep-alive
  int refused = 0;          // the status to refuse it with; 0 for a good request
};

/// How many bytes of `text` are the head of a request, its empty line included; 0 where that has
/// not come yet. `seen` bytes were searched before.
std::size_t head_size(std::string_view text, std::size_t seen);

/// A request that is answered with `status` whatever it says.
Request refused(int status);

/// Reads a head. A request that makes no sense, or that is not for us, comes back with `refused`.
Request parse_request(std::string_view head);

/// The status for a head that grew beyond all limits before its end had come.
int status_of_long_head(std::string_view head);

/// `Not Found`.
std::string_view reason(int status);

/// The path of a request as it may stand in a Location field.
std::string encode(const std::vector<std::string>& path);

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
std::string date(std::time_t time);

/// Client's words made fit for a terminal: anything but visible ASCII is written \x1b.
std::string printable(std::string_view text);

}  // namespace examples::http
