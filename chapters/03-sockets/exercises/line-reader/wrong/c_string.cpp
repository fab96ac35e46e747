// rejected by: LineReader: any byte but the newline is part of a line
// status: wrong
// says: a buffer is no C string
//
// Treats what was read as a C string, which ends at a zero byte.
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "treadle/socket.hpp"

using treadle::Coro;
using treadle::ReadSocket;
using treadle::Socket;

class LineReader {
 public:
  LineReader(Socket& socket, std::size_t limit) : socket_(socket), limit_(limit) {}

  Coro<std::optional<std::string>> next() {
    for (;;) {
      const std::size_t length = unread_.find('\n');
      if (std::min(length, unread_.size()) > limit_) throw std::length_error("too long");
      if (length != std::string::npos) co_return take(length);
      std::array<char, 4096> piece{};
      const std::size_t n =
          co_await ReadSocket(socket_, std::span<char>(piece.data(), piece.size() - 1));
      if (n == 0) co_return last_line();
      unread_.append(piece.data());
    }
  }

 private:
  std::string take(std::size_t length) {
    std::string line = unread_.substr(0, length);
    unread_.erase(0, length + 1);
    return line;
  }

  std::optional<std::string> last_line() {
    if (unread_.empty()) return std::nullopt;
    return std::exchange(unread_, {});
  }

  Socket& socket_;
  const std::size_t limit_;
  std::string unread_;
};
