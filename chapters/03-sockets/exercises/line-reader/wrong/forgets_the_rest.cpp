// rejected by: LineReader: lines that came together need no more bytes
// status: wrong
// says: (waits)
//
// Keeps nothing between two calls: what came behind the first newline is gone, and the next call
// waits for it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
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
    std::string line;
    for (;;) {
      std::array<char, 4096> piece;
      const std::size_t n = co_await ReadSocket(socket_, piece);
      if (n == 0) {
        if (line.empty()) co_return std::nullopt;
        co_return line;
      }
      line.append(piece.data(), n);
      const std::size_t length = line.find('\n');
      if (std::min(length, line.size()) > limit_) throw std::length_error("too long");
      if (length != std::string::npos) co_return line.substr(0, length);
    }
  }

 private:
  Socket& socket_;
  const std::size_t limit_;
  std::string unread_;
};
