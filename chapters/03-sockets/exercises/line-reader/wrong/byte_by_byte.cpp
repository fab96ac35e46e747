// rejected by: LineReader: takes what is there, and not byte by byte
// status: wrong
// says: Each read is a call into the kernel
//
// Right in every line, and a system call for every byte.
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
      std::array<char, 1> byte;
      const std::size_t n = co_await ReadSocket(socket_, byte);
      if (n == 0 && line.empty()) co_return std::nullopt;
      if (n == 0 || byte[0] == '\n') co_return line;
      if (line.size() == limit_) throw std::length_error("too long");
      line.push_back(byte[0]);
    }
  }

 private:
  Socket& socket_;
  const std::size_t limit_;
  std::string unread_;
};
