// rejected by: LineReader: a line may come in pieces
// status: wrong
// says: Where a read ends says nothing about where a line ends
//
// Takes each read for a line.
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
    std::array<char, 4096> piece;
    const std::size_t n = co_await ReadSocket(socket_, piece);
    if (n == 0) co_return std::nullopt;
    std::string line(piece.data(), n);
    if (line.back() == '\n') line.pop_back();
    if (line.size() > limit_) throw std::length_error("too long");
    co_return line;
  }

 private:
  Socket& socket_;
  const std::size_t limit_;
  std::string unread_;
};
