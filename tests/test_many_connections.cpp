#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"

namespace test_many_connections {

using treadle::AcceptSocket;
using treadle::Address;
using treadle::Coro;
using treadle::EventLoop;
using treadle::listen_tcp;
using treadle::ReadSocket;
using treadle::Socket;
using treadle::Task;
using treadle::UniqueFd;
using treadle::write_all;
using treadle::testing::ChildProcess;
using treadle::testing::Counted;
using treadle::testing::Ending;
using treadle::testing::make_loop;

constexpr int kMany = 1000;

/// What client `number` sends: long enough to come in pieces, and like no other's.
std::string message(int number) {
  std::string text;
  while (text.size() < 3000) text += std::to_string(number) + ',';
  return text;
}

void check_call(bool worked, const char* what) {
  if (!worked) throw std::runtime_error(what);
}

void allow_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, kMany * 2 + 100);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// A thousand clients in a process of their own, without our runtime: all connect, then all send, then all compare.
void be_the_clients(const Address& address) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < kMany; ++i) {
    clients.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    check_call(::connect(clients.back().get(), address.data(), address.size()) == 0, "connect");
  }
  for (int i = 0; i < kMany; ++i) {
    const std::string text = message(i);
    const auto sent =
        ::send(clients[static_cast<std::size_t>(i)].get(), text.data(), text.size(), 0);
    check_call(sent == static_cast<ssize_t>(text.size()), "send");
    ::shutdown(clients[static_cast<std::size_t>(i)].get(), SHUT_WR);
  }
  for (int i = 0; i < kMany; ++i) {
    std::string echo;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::recv(clients[static_cast<std::size_t>(i)].get(), buffer.data(),
                                    buffer.size(), 0)) > 0;)
      echo.append(buffer.data(), static_cast<std::size_t>(n));
    check_call(echo == message(i), "the echo is not what was sent");
  }
}

Coro<> echo(Socket client, Task<> all_are_there, Counted) {
  co_await all_are_there;
  std::array<char, 700> buffer;
  for (;;) {
    const std::size_t n = co_await ReadSocket(client, buffer);
    if (n == 0) break;
    co_await write_all(client, std::string_view(buffer.data(), n));
  }
}

Coro<> serve(EventLoop& loop, Socket& listener, Task<>& self) {
  for (int i = 0; i < kMany; ++i) {
    Socket client = co_await AcceptSocket(listener);
    loop.create_task(echo(std::move(client), self, Counted()));
  }
}

TEST_CASE("Connections: a thousand at the same time lose no byte", "[connections][real-time]") {
  allow_descriptors();
  Counted::reset();
  Socket listener = listen_tcp({"127.0.0.1", 0});
  ChildProcess clients([&] {
    const Address address = listener.local_address();
    listener.close();
    be_the_clients(address);
  });
  {
    EventLoop loop = make_loop();
    Task<> server;
    server = loop.create_task(serve(loop, listener, server));
    loop.run_until_complete(server);
    CHECK(Counted::live() == kMany);
    loop.run_forever();
  }
  const Ending ending = clients.wait();
  CHECK(ending.said.empty());
  CHECK(ending.exit_code == 0);
  CHECK(Counted::live() == 0);
}

}  // namespace test_many_connections
