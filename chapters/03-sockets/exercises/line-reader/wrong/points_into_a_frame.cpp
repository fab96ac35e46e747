// rejected by: LineReader: lines that came together need no more bytes
// status: sanitizer
// says: AddressSanitizer
//
// Keeps the rest as a view into a buffer that was a local of the call before.
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
      const std::size_t length = std::min(rest_.find('\n'), rest_.size());
      line += rest_.substr(0, length);
      if (line.size() > limit_) throw std::length_error("too long");
      if (length < rest_.size()) {
        rest_.remove_prefix(length + 1);
        co_return line;
      }
      std::array<char, 4096> piece;
      const std::size_t n = co_await ReadSocket(socket_, piece);
      rest_ = std::string_view(piece.data(), n);
      if (n == 0 && line.empty()) co_return std::nullopt;
      if (n == 0) co_return line;
    }
  }

 private:
  Socket& socket_;
  const std::size_t limit_;
  std::string_view rest_;
};
