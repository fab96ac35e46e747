#include "treadle/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace treadle {

Address::Address() noexcept {
  std::memset(&address_, 0, sizeof address_);
  address_.any.sa_family = AF_UNSPEC;
}

Address::Address(const std::string& host, std::uint16_t port) : Address() {
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  if (::inet_pton(AF_INET, numeric.c_str(), &address_.v4.sin_addr) == 1) {
    address_.v4.sin_family = AF_INET;
    address_.v4.sin_port = htons(port);
  } else if (::inet_pton(AF_INET6, numeric.c_str(), &address_.v6.sin6_addr) == 1) {
    address_.v6.sin6_family = AF_INET6;
    address_.v6.sin6_port = htons(port);
  } else {
    throw std::invalid_argument(fmt::format("\"{}\" is no numeric IP address", host));
  }
}

Address::Address(const sockaddr* address, socklen_t length) noexcept : Address() {
  if (address->sa_family != AF_INET && address->sa_family != AF_INET6) return;
  std::memcpy(&address_, address, std::min<std::size_t>(length, sizeof address_));
}

std::uint16_t Address::port() const noexcept {
  // The port lies at the same place in both structs, but to rely on it would be clever.
  return ntohs(family() == AF_INET6 ? address_.v6.sin6_port : address_.v4.sin_port);
}

std::string Address::to_string() const {
  char text[INET6_ADDRSTRLEN];
  if (family() == AF_INET) {
    return fmt::format("{}:{}", ::inet_ntop(AF_INET, &address_.v4.sin_addr, text, sizeof text),
                       port());
  }
  if (family() == AF_INET6) {
    return fmt::format("[{}]:{}", ::inet_ntop(AF_INET6, &address_.v6.sin6_addr, text, sizeof text),
                       port());
  }
  return "?";
}

socklen_t Address::size() const noexcept {
  return family() == AF_INET6 ? sizeof address_.v6 : sizeof address_.v4;
}

}  // namespace treadle
