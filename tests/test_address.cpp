#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "testing/catch.hpp"
#include "treadle/address.hpp"

namespace test_address {

using treadle::Address;

TEST_CASE("Address: an IPv4 address is written as people write it", "[address]") {
  const Address address("127.0.0.1", 8000);
  CHECK(address.to_string() == "127.0.0.1:8000");
  CHECK(address.port() == 8000);
  CHECK(address.family() == AF_INET);
  CHECK(address.size() == sizeof(sockaddr_in));
  CHECK(Address("255.255.255.255", 65535).to_string() == "255.255.255.255:65535");
}

TEST_CASE("Address: an IPv6 address is written in brackets", "[address]") {
  const Address address("::1", 8000);
  CHECK(address.to_string() == "[::1]:8000");
  CHECK(address.port() == 8000);
  CHECK(address.family() == AF_INET6);
  CHECK(address.size() == sizeof(sockaddr_in6));
  CHECK(Address("2001:DB8:0:0:0:0:0:1", 1).to_string() == "[2001:db8::1]:1");
}

TEST_CASE("Address: localhost is 127.0.0.1", "[address]") {
  CHECK(Address("localhost", 80).to_string() == "127.0.0.1:80");
}

TEST_CASE("Address: no address is a question mark", "[address]") {
  const Address nowhere;
  CHECK(nowhere.to_string() == "?");
  CHECK(nowhere.port() == 0);
  CHECK(nowhere.family() == AF_UNSPEC);
}

TEST_CASE("Address: what is no numeric address is refused, and named", "[address]") {
  for (const std::string bad :
       {"", "example.org", "256.1.1.1", "1.2.3", "::g", "127.0.0.1:80", "[::1]", " 127.0.0.1"}) {
    CHECK_THROWS_AS(Address(bad, 80), std::invalid_argument);
    CHECK_THROWS_WITH(Address(bad, 80), ContainsSubstring("\"" + bad + "\""));
  }
}

TEST_CASE("Address: it is what the kernel is given, byte by byte", "[address]") {
  const Address address("10.1.2.3", 0x1234);
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(address.data());
  CHECK(v4->sin_family == AF_INET);
  CHECK(v4->sin_port == htons(0x1234));
  CHECK(v4->sin_addr.s_addr == htonl(0x0A010203));
}

TEST_CASE("Address: it takes what the kernel wrote", "[address]") {
  const Address v4("10.1.2.3", 99), v6("fe80::1", 99);
  CHECK(Address(v4.data(), v4.size()).to_string() == "10.1.2.3:99");
  CHECK(Address(v6.data(), v6.size()).to_string() == "[fe80::1]:99");
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  CHECK(Address(reinterpret_cast<const sockaddr*>(&local), sizeof local).to_string() == "?");
}

TEST_CASE("Address: it is a value", "[address]") {
  Address address("10.1.2.3", 99);
  const Address copy = address;
  address = Address("::1", 1);
  CHECK(copy.to_string() == "10.1.2.3:99");
  CHECK(address.to_string() == "[::1]:1");
}

}  // namespace test_address
