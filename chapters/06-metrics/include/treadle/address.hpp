// address.hpp: an internet address and port, and how people write them.
//
// The system's own sockaddr is a family of structs behind one cast. This is the cast, written
// once.
//
// Thread safety: a value like an int.
// Source: ip(7), ipv6(7), getaddrinfo(3).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace treadle {

/// An IPv4 or IPv6 address with a port, or no address at all.
class Address {
 public:
  /// No address, written `?`.
  Address() noexcept;

  /// From a numeric address, `127.0.0.1` or `::1`, or `localhost`, which is 127.0.0.1. Other
  /// names are not looked up: that can take seconds, and the thread would stand still. Throws
  /// std::invalid_argument that names `host`.
  Address(const std::string& host, std::uint16_t port);

  /// What the kernel wrote. A family other than the two becomes no address.
  Address(const sockaddr* address, socklen_t length) noexcept;

  std::uint16_t port() const noexcept;

  /// `127.0.0.1:8000`, `[::1]:8000`.
  std::string to_string() const;

  int family() const noexcept { return address_.any.sa_family; }
  const sockaddr* data() const noexcept { return &address_.any; }
  socklen_t size() const noexcept;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address_;
};

}  // namespace treadle
