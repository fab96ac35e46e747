// Messages over a stream: four bytes that say how long the text is, the highest first, then the text.
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "treadle/socket.hpp"

using treadle::Coro;
using treadle::ReadSocket;
using treadle::Socket;

using Head = std::array<char, 4>;

Head head_of(std::size_t length) {
  Head head;
  for (int i = 0; i < 4; ++i) head[i] = static_cast<char>(length >> (8 * (3 - i)));
  return head;
}

std::size_t length_in(const Head& head) {
  std::size_t length = 0;
  for (char byte : head) length = length << 8 | static_cast<unsigned char>(byte);
  return length;
}

// Sends `text` as one message. The socket outlives the coroutine, here and below.
Coro<> send_message(Socket& socket, std::string text) {
  const Head head = head_of(text.size());
  text.insert(0, head.data(), head.size());
  co_await treadle::write_all(socket, text);
}

// The next message; nothing where the other side has ended the stream between two messages. Throws
// IncompleteReadError where it ended within one.
Coro<std::optional<std::string>> receive_message(Socket& socket) {
  Head head{};
  // The first read alone may meet the end in peace.
  const std::size_t n = co_await ReadSocket(socket, head);
  if (n == 0) co_return std::nullopt;
  co_await treadle::read_exactly(socket, std::span<char>(head).subspan(n));

  std::string text(length_in(head), '\0');
  co_await treadle::read_exactly(socket, text);
  co_return text;
}
