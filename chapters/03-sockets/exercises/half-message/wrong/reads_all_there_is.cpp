// rejected by: Message: a short one arrives as it was sent
// status: wrong
// says: they stay two
//
// Reads what is there into one string, and takes what stands behind the length for the text.
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
  const Head head = head_of(text.size());
  text.insert(0, head.data(), head.size());
  co_await treadle::write_all(socket, text);
}

Coro<std::optional<std::string>> receive_message(Socket& socket) {
  std::array<char, 4096> buffer;
  std::string all;
  while (all.size() < 4 || all.size() - 4 < length_in({all[0], all[1], all[2], all[3]})) {
    const std::size_t n = co_await ReadSocket(socket, buffer);
    if (n == 0 && all.empty()) co_return std::nullopt;
    if (n == 0) throw IncompleteReadError(all.size(), 4);
    all.append(buffer.data(), n);
  }
  co_return all.substr(4);
}
