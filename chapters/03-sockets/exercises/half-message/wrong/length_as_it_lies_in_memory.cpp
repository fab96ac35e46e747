// rejected by: Message: on the wire it is four bytes of length, then the text
// status: wrong
// says: the highest byte first
//
// Copies the number as it lies in memory, on both sides: they understand each other, and nobody else
// does.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
  const auto number = static_cast<std::uint32_t>(length);
  Head head;
  std::memcpy(head.data(), &number, sizeof number);
  return head;
}

std::size_t length_in(const Head& head) {
  std::uint32_t number = 0;
  std::memcpy(&number, head.data(), sizeof number);
  return number;
}

Coro<> send_message(Socket& socket, std::string text) {
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
