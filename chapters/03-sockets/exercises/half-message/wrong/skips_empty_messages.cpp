// rejected by: Message: an empty one is a message
// status: wrong
// says: An empty message was sent
//
// Does not send what is empty, so that nobody has to read it.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "treadle/socket.hpp"

using treadle::Coro;
using treadle::IncompleteReadError;
using treadle::ReadSocket;
using treadle::Socket;
using treadle::WriteSocket;

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

Coro<> send_message(Socket& socket, std::string text) {
  if (text.empty()) co_return;
  const Head head = head_of(text.size());
  text.insert(0, head.data(), head.size());
  co_await treadle::write_all(socket, text);
}

Coro<std::optional<std::string>> receive_message(Socket& socket) {
  Head head{};
  const std::size_t n = co_await ReadSocket(socket, head);
  if (n == 0) co_return std::nullopt;
  co_await treadle::read_exactly(socket, std::span<char>(head).subspan(n));
  std::string text(length_in(head), '\0');
  co_await treadle::read_exactly(socket, text);
  co_return text;
}
