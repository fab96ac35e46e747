// rejected by: Message: a short one arrives as it was sent
// status: wrong
// says: Nothing was sent on another connection
//
// Reads ahead and keeps the rest in a static variable, from which every connection is served.
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "treadle/socket.hpp"

using treadle::Coro;
using treadle::IncompleteReadError;
using treadle::ReadSocket;
using treadle::Socket;

std::string head_of(std::size_t length) {
  std::string head;
  for (int i = 0; i < 4; ++i) head += static_cast<char>(length >> (8 * (3 - i)));
  return head;
}

std::size_t length_in(const std::string& head) {
  std::size_t length = 0;
  for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(head[i]);
  return length;
}

Coro<> send_message(Socket& socket, std::string text) {
  text.insert(0, head_of(text.size()));
  co_await treadle::write_all(socket, text);
}

Coro<std::optional<std::string>> receive_message(Socket& socket) {
  static std::string rest;
  std::array<char, 4096> buffer;
  while (rest.size() < 4 || rest.size() - 4 < length_in(rest)) {
    const std::size_t n = co_await ReadSocket(socket, buffer);
    if (n == 0 && rest.empty()) co_return std::nullopt;
    if (n == 0) throw IncompleteReadError(std::exchange(rest, {}).size(), 4);
    rest.append(buffer.data(), n);
  }
  std::string text = rest.substr(4, length_in(rest));
  rest.erase(0, 4 + text.size());
  co_return text;
}
