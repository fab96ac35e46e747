// socket_pair.hpp: two sockets that are connected with each other, in one process.
//
// What is written to one is there to be read from the other before the call returns: so a test of waiting knows exactly
// when there is something to wait for.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include "treadle/socket.hpp"

namespace treadle::testing {

/// Connected by way of the kernel alone. Their address is `?`.
struct SocketPair {
  SocketPair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
      throw std::runtime_error("socketpair failed");
    a = Socket(UniqueFd(ends[0]));
    b = Socket(UniqueFd(ends[1]));
  }

  Socket a, b;
};

/// Connected by TCP over the loopback.
struct TcpPair {
  TcpPair() {
    const Socket listener = listen_tcp({"127.0.0.1", 0});
    UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
    const Address address = listener.local_address();
    // The connection is complete once it lies in the listener's queue, so this does not wait.
    if (::connect(client.get(), address.data(), address.size()) < 0)
      throw std::runtime_error("connect failed");
    sockaddr_storage from;
    socklen_t length = sizeof from;
    UniqueFd server(::accept(listener.fd(), reinterpret_cast<sockaddr*>(&from), &length));
    b = Socket(std::move(server), Address(reinterpret_cast<sockaddr*>(&from), length));
    a = Socket(std::move(client), address);
  }

  Socket a, b;
};

/// Makes the kernel's buffer from `socket` to its peer as small as it can be.
inline void make_small(const Socket& socket) {
  const int least = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
}

/// Writes until the kernel takes no more; says how much that was.
inline std::size_t fill(const Socket& socket) {
  const std::string text(4096, '.');
  std::size_t sum = 0;
  for (ssize_t n = 0; (n = ::send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL)) > 0;)
    sum += static_cast<std::size_t>(n);
  return sum;
}

/// Reads all that is there now.
inline std::string drain(const Socket& socket) {
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::recv(socket.fd(), buffer, sizeof buffer, 0)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

/// Puts `text` into the buffer of the other side, which has room for it.
inline void put(const Socket& socket, std::string_view text) {
  if (::send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size()))
    throw std::runtime_error("put: the buffer is full");
}

/// Closes `socket` so that its peer sees a reset.
inline void reset_connection(Socket& socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket.close();
}

}  // namespace treadle::testing
