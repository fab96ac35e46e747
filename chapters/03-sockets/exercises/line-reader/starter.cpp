#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>

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
    co_return std::nullopt;  // TODO: read until there is a whole line
  }

 private:
  Socket& socket_;
  const std::size_t limit_;
  // TODO: what has been read and not been given out yet
};
