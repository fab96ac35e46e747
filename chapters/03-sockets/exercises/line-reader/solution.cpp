#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "treadle/socket.hpp"

using treadle::Coro;
using treadle::ReadSocket;
using treadle::Socket;

// Cuts what comes from a socket into lines.
class LineReader {
 public:
  // The socket outlives the reader. `limit` is how many bytes a line may have, its newline not counted.
  LineReader(Socket& socket, std::size_t limit) : socket_(socket), limit_(limit) {}

  // The next line without its newline; nothing at the end of the stream. Throws std::length_error where
  // a line has more than `limit` bytes.
  Coro<std::optional<std::string>> next() {
    for (;;) {
      // First what is here already: to read is to wait, perhaps for bytes that never come.
      const std::size_t length = unread_.find('\n');
      if (std::min(length, unread_.size()) > limit_)
        throw std::length_error("the line is too long");
      if (length != std::string::npos) co_return take(length);

      std::array<char, 4096> piece;
      const std::size_t n = co_await ReadSocket(socket_, piece);
      if (n == 0) co_return last_line();
      unread_.append(piece.data(), n);
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
  std::string unread_;  // has been read and not been given out yet
};
