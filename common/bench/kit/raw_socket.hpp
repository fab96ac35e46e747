// raw_socket.hpp: what the raw servers share: a listening socket, accepting, and one echo. System calls, no runtime.
#pragma once

#include <bench.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace raw {

[[noreturn]] inline void fail(char const* call) {
  std::perror(call);
  std::exit(1);
}

// Non-blocking, on a free port of the loopback address; prints the port.
inline int listen_and_announce() {
  int const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) fail("bind");
  if (listen(fd, SOMAXCONN) != 0) fail("listen");
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  bench::announce_port(ntohs(address.sin_port));
  return fd;
}

// The next client, or -1 when nobody waits.
inline int accept_next(int listener) {
  int const fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) fail("accept4");
    return -1;
  }
  int const on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

// One read, one write. False when the client is gone.
inline bool echo_once(int fd) {
  static std::array<char, bench::kBuffer> buffer;
  ssize_t const n = recv(fd, buffer.data(), buffer.size(), 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  return n > 0 && send(fd, buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) == n;
}

}  // namespace raw
