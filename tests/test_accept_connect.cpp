#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"

namespace test_accept_connect {

using treadle::AcceptSocket;
using treadle::Address;
using treadle::connect_tcp;
using treadle::Coro;
using treadle::EventLoop;
using treadle::listen_tcp;
using treadle::read_exactly;
using treadle::Socket;
using treadle::Task;
using treadle::UniqueFd;
using treadle::write_all;
using treadle::testing::AllocationCheck;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::Counted;
using treadle::testing::Failing;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::said_in_dying;
using treadle::testing::Trace;

Address any_port() { return Address("127.0.0.1", 0); }

/// A client that the loop knows nothing of. The kernel completes the connection by itself.
UniqueFd raw_client(const Address& address) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(fd.get(), address.data(), address.size()) == 0);
  return fd;
}

Coro<Socket> accept_one(Socket& listener) {
  Socket client = co_await AcceptSocket(listener);
  co_return std::move(client);
}

Coro<> note_accept(LoopFixture& fixture, Socket& listener, std::string name) {
  try {
    const Socket client = co_await AcceptSocket(listener);
    fixture.note(name + " accepted");
  } catch (const std::system_error& error) {
    fixture.note(name + " failed: " + error.code().message());
  } catch (const std::exception& error) {
    fixture.note(name + " failed: " + error.what());
  }
}

Coro<Socket> connect_to(Address address) {
  Socket server = co_await connect_tcp(address);
  co_return std::move(server);
}

// ---- Listening

TEST_CASE("Listen: port 0 lets the kernel choose, and the socket knows it", "[socket][listen]") {
  const Socket listener = listen_tcp(any_port());
  CHECK(listener.local_address().port() != 0);
  CHECK(listener.peer().to_string() == listener.local_address().to_string());
  CHECK(listener.is_open());
}

TEST_CASE("Listen: a busy port is an error that names call and address",
          "[socket][listen][errors]") {
  const Socket first = listen_tcp(any_port());
  const Address taken = first.local_address();
  try {
    listen_tcp(taken);
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::address_in_use);
    CHECK_THAT(error.what(), ContainsSubstring("bind to " + taken.to_string()));
  }
}

TEST_CASE("Listen: an address that is not ours is an error that names it",
          "[socket][listen][errors]") {
  CHECK_THROWS_WITH(listen_tcp({"192.0.2.1", 0}), ContainsSubstring("bind to 192.0.2.1:0"));
  CHECK_THROWS_WITH(listen_tcp(Address()), ContainsSubstring("socket for ?"));
}

TEST_CASE("Listen: a port can be listened on again at once", "[socket][listen]") {
  std::optional<Socket> first = listen_tcp(any_port());
  const Address address = first->local_address();
  {
    // The server's side closes first, and so is left in TIME_WAIT.
    const UniqueFd client = raw_client(address);
    ::close(::accept(first->fd(), nullptr, nullptr));
    first.reset();
  }
  CHECK_NOTHROW(listen_tcp(address));
}

TEST_CASE("Listen: a descriptor that is refused leaves none open", "[socket][listen][errors]") {
  const Socket first = listen_tcp(any_port());
  const int next = ::dup(first.fd());
  ::close(next);
  CHECK_THROWS(listen_tcp(first.local_address()));
  const int again = ::dup(first.fd());
  CHECK(again == next);
  ::close(again);
}

// ---- Accepting

TEST_CASE_METHOD(LoopFixture,
                 "AcceptSocket: a client that waits already is accepted without a turn",
                 "[socket][accept]") {
  Socket listener = listen_tcp(any_port());
  const UniqueFd client = raw_client(listener.local_address());
  spawn("a", note_accept(*this, listener, "a"));
  loop.call_soon([this] { note("callback"); });
  run_until_idle();
  CHECK(trace == Trace{"a accepted", "callback"});
}

TEST_CASE_METHOD(LoopFixture, "AcceptSocket: where nobody is there it waits until somebody comes",
                 "[socket][accept]") {
  Socket listener = listen_tcp(any_port());
  spawn("a", note_accept(*this, listener, "a"));
  run_until_idle();
  CHECK(trace.empty());
  const UniqueFd client = raw_client(listener.local_address());
  run_until_idle();
  CHECK(trace == Trace{"a accepted"});
}

TEST_CASE_METHOD(LoopFixture, "AcceptSocket: it knows the client's address", "[socket][accept]") {
  Socket listener = listen_tcp(any_port());
  const UniqueFd client = raw_client(listener.local_address());
  const Socket accepted = loop.run_until_complete(accept_one(listener));
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  ::getsockname(client.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  CHECK(accepted.peer().to_string() ==
        Address(reinterpret_cast<sockaddr*>(&storage), length).to_string());
  CHECK(accepted.local_address().to_string() == listener.local_address().to_string());
}

TEST_CASE_METHOD(LoopFixture,
                 "AcceptSocket: what it gives is non-blocking, closed on exec, and sends at once",
                 "[socket][accept]") {
  Socket listener = listen_tcp(any_port());
  const UniqueFd client = raw_client(listener.local_address());
  const Socket accepted = loop.run_until_complete(accept_one(listener));
  CHECK((::fcntl(accepted.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(accepted.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ::getsockopt(accepted.fd(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  CHECK(no_delay != 0);
}

TEST_CASE_METHOD(
    LoopFixture,
    "AcceptSocket: what it gives is non-blocking from the beginning, if the system can",
    "[socket][accept][connect][cost]") {
  const int before = calls(Call::kNonblocking);
  Socket listener = listen_tcp(any_port());
  const Socket client = loop.run_until_complete(connect_to(listener.local_address()));
  const Socket accepted = loop.run_until_complete(accept_one(listener));
#if defined(__linux__) && !defined(TREADLE_PORTABLE)
  CHECK(calls(Call::kNonblocking) == before);
#else
  CHECK(calls(Call::kNonblocking) - before == 3);
#endif
  for (const Socket* socket : std::array<const Socket*, 3>{&listener, &client, &accepted}) {
    CHECK((::fcntl(socket->fd(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(socket->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  }
}

TEST_CASE_METHOD(LoopFixture,
                 "AcceptSocket: those in the backlog are accepted one by one, none lost",
                 "[socket][accept]") {
  Socket listener = listen_tcp(any_port());
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(raw_client(listener.local_address()));
  std::vector<Socket> accepted;
  run([&]() -> Coro<> {
    for (int i = 0; i < 20; ++i) {
      Socket client = co_await AcceptSocket(listener);
      accepted.push_back(std::move(client));
    }
  });
  CHECK(accepted.size() == 20);
  spawn("nobody", note_accept(*this, listener, "nobody"));
  run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE_METHOD(LoopFixture, "AcceptSocket: a client that gave up, and a signal, are passed over",
                 "[socket][accept][signal]") {
  Socket listener = listen_tcp(any_port());
  const UniqueFd client = raw_client(listener.local_address());
  const int error = GENERATE(EINTR, ECONNABORTED);
  const Failing gave_up(Call::kAccept, error, 2);
  CHECK(loop.run_until_complete(accept_one(listener)).is_open());
  CHECK(gave_up.left() == 0);
}

TEST_CASE_METHOD(LoopFixture, "AcceptSocket: a second task that would wait is refused, by name",
                 "[socket][accept]") {
  Socket listener = listen_tcp(any_port());
  spawn("a", note_accept(*this, listener, "a"));
  spawn("b", note_accept(*this, listener, "b"));
  run_until_idle();
  CHECK(trace ==
        Trace{"b failed: Task-1 waits for this already (accept on " +
              listener.local_address().to_string() + "), and only one task at a time can"});
}

TEST_CASE_METHOD(LoopFixture, "AcceptSocket: closing the listener wakes who waits",
                 "[socket][accept][close]") {
  Socket listener = listen_tcp(any_port());
  spawn("a", note_accept(*this, listener, "a"));
  run_until_idle();
  listener.close();
  run_until_idle();
  CHECK(trace == Trace{"a failed: Operation canceled"});
}

TEST_CASE_METHOD(
    LoopFixture,
    "AcceptSocket: a socket that does not listen is an error that names call and address",
    "[socket][accept][errors]") {
  treadle::testing::TcpPair pair;
  try {
    loop.run_until_complete(accept_one(pair.a));
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::invalid_argument);
    CHECK_THAT(error.what(), ContainsSubstring("accept on 127.0.0.1:"));
  }
}

TEST_CASE("AcceptSocket: no descriptor left is EMFILE, and the client waits until there is one",
          "[socket][accept][errors]") {
  const auto ending = in_child([] {
    EventLoop loop;
    Socket listener = listen_tcp(any_port());
    UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
    const Address address = listener.local_address();
    if (::connect(client.get(), address.data(), address.size()) < 0)
      throw std::runtime_error("connect");
    const rlimit none_left{static_cast<rlim_t>(client.get()) + 1,
                           static_cast<rlim_t>(client.get()) + 1};
    ::setrlimit(RLIMIT_NOFILE, &none_left);
    while (::dup(client.get()) >= 0) {
    }
    try {
      loop.run_until_complete(accept_one(listener));
      throw std::logic_error("it was accepted");
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::too_many_files_open) throw;
      std::fputs(error.what(), stderr);
    }
    ::close(STDIN_FILENO);
    if (!loop.run_until_complete(accept_one(listener)).is_open())
      throw std::logic_error("not open");
  });
  CHECK(ending.exit_code == 0);
  CHECK_THAT(ending.said, ContainsSubstring("accept on 127.0.0.1:"));
}

TEST_CASE("AcceptSocket: a client that was accepted and not taken is closed with its loop",
          "[socket][accept][lifetime]") {
  AllocationCheck memory;
  {
    Socket listener = listen_tcp(any_port());
    UniqueFd client;
    {
      EventLoop loop;
      const auto accepts = [](Socket& where) -> Coro<> { co_await AcceptSocket(where); };
      loop.create_task(accepts(listener));
      loop.run_until_idle();
      client = raw_client(listener.local_address());
      loop.call_soon([&loop] { loop.stop(); });
      loop.call_soon([] {});
      loop.stop();
      loop.run_until_idle();  // the poller has accepted the client; the task is ready, or has run
    }
    char byte;
    CHECK(::recv(client.get(), &byte, 1, 0) == 0);  // the end, and no hang
  }
  CHECK(memory.balanced());
}

// ---- Connecting

TEST_CASE_METHOD(LoopFixture, "ConnectSocket: both ends know each other and can talk",
                 "[socket][connect]") {
  Socket listener = listen_tcp(any_port());
  spawn("server", [&]() -> Coro<> {
    Socket client = co_await AcceptSocket(listener);
    std::string text(4, '?');
    co_await read_exactly(client, text);
    co_await write_all(client, text + " pong");
  });
  CHECK(run([&]() -> Coro<std::string> {
          const Address address = listener.local_address();
          Socket server = co_await connect_tcp(address);
          note(server.peer().to_string() == address.to_string() ? "right peer" : "wrong peer");
          co_await write_all(server, "ping");
          std::string text(9, '?');
          co_await read_exactly(server, text);
          co_return text;
        }) == "ping pong");
  CHECK(trace == Trace{"right peer"});
}

TEST_CASE_METHOD(LoopFixture,
                 "ConnectSocket: a refused connection is an error that names call and address",
                 "[socket][connect][errors]") {
  std::optional<Socket> listener = listen_tcp(any_port());
  const Address address = listener->local_address();
  listener.reset();
  try {
    loop.run_until_complete(connect_to(address));
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::connection_refused);
    CHECK_THAT(error.what(), ContainsSubstring("connect to " + address.to_string()));
  }
}

TEST_CASE_METHOD(LoopFixture,
                 "ConnectSocket: what the kernel refuses at once is an error just the same",
                 "[socket][connect][errors]") {
  CHECK_THROWS_WITH(loop.run_until_complete(connect_to(Address())),
                    ContainsSubstring("connect to ?"));
  const Failing refused(Call::kConnect, ENETUNREACH);
  CHECK_THROWS_WITH(loop.run_until_complete(connect_to(Address("127.0.0.1", 9))),
                    ContainsSubstring("connect to 127.0.0.1:9: Network is unreachable"));
}

TEST_CASE_METHOD(LoopFixture, "ConnectSocket: an attempt that fails while it waits is an error",
                 "[socket][connect][errors]") {
  const Failing under_way(Call::kConnect, EINPROGRESS);
  const Failing in_the_end(Call::kSocketError, ETIMEDOUT);
  CHECK_THROWS_WITH(loop.run_until_complete(connect_to(Address("127.0.0.1", 9))),
                    ContainsSubstring("connect to 127.0.0.1:9: Connection timed out"));
}

TEST_CASE_METHOD(LoopFixture,
                 "ConnectSocket: what it gives is non-blocking, closed on exec, and sends at once",
                 "[socket][connect]") {
  Socket listener = listen_tcp(any_port());
  const Socket server = loop.run_until_complete(connect_to(listener.local_address()));
  CHECK((::fcntl(server.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(server.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ::getsockopt(server.fd(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  CHECK(no_delay != 0);
}

/// A listener whose queue is full: whoever connects to it has to wait.
struct FullListener {
  FullListener() {
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      // The last one does not get through, as is the point.
      (void)::connect(clients.back().get(), address.data(), address.size());
    }
  }
  Socket listener = listen_tcp(any_port(), 0);
  Address address = listener.local_address();
  std::vector<UniqueFd> clients;
};

TEST_CASE_METHOD(LoopFixture, "ConnectSocket: it waits until the other side has answered",
                 "[socket][connect]") {
  FullListener full;
  const auto task = spawn("a", connect_to(full.address));
  loop.call_soon([this] { note("others run"); });
  run_until_idle();
  CHECK(trace == Trace{"others run"});
  CHECK_FALSE(task.done());
  CHECK(task.block().waits_for() == "connect to " + full.address.to_string());
}

TEST_CASE("ConnectSocket: a loop that goes drops the attempt", "[socket][connect][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    FullListener full;
    const int next = ::dup(full.listener.fd());
    ::close(next);
    {
      EventLoop loop;
      const auto connects = [](Address address, Counted) -> Coro<> {
        co_await connect_tcp(address);
      };
      loop.create_task(connects(full.address, Counted()));
      loop.create_task(connects(full.address, Counted()));
      loop.run_until_idle();
      CHECK(Counted::live() == 2);
    }
    const int again = ::dup(full.listener.fd());
    CHECK(again == next);  // the descriptors are closed
    ::close(again);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(LoopFixture, "ConnectSocket: a signal in the middle of the call is no error",
                 "[socket][connect][signal]") {
  // Interrupted, the kernel goes on connecting; the kit's fault only claims so, so this one never connects. That it
  // waits, instead of asking again, is what is checked.
  Socket listener = listen_tcp(any_port());
  const int before = calls(Call::kConnect);
  const Failing interrupted(Call::kConnect, EINTR);
  const auto task = spawn("a", connect_to(listener.local_address()));
  loop.stop();
  run_until_idle();
  CHECK(calls(Call::kConnect) == before + 1);
}

TEST_CASE_METHOD(LoopFixture, "ConnectSocket: IPv6 works like IPv4, where there is IPv6",
                 "[socket][connect][ipv6]") {
  std::optional<Socket> listener;
  try {
    listener = listen_tcp({"::1", 0});
  } catch (const std::system_error&) {
    WARN("this machine has no IPv6 loopback");
    return;
  }
  const Address address = listener->local_address();
  CHECK_THAT(address.to_string(), ContainsSubstring("[::1]:"));
  const auto client = spawn("client", connect_to(address));
  const Socket accepted = loop.run_until_complete(accept_one(*listener));
  run_until_idle();
  REQUIRE(client.done());
  CHECK(client.result().local_address().to_string() == accepted.peer().to_string());
}

TEST_CASE_METHOD(LoopFixture, "ConnectSocket: many connect at the same time", "[socket][connect]") {
  Socket listener = listen_tcp(any_port());
  const Address address = listener.local_address();
  int accepted = 0, connected = 0;
  spawn("server", [&]() -> Coro<> {
    for (; accepted < 50; ++accepted) co_await AcceptSocket(listener);
  });
  for (int i = 0; i < 50; ++i) {
    spawn("client", [&]() -> Coro<> {
      co_await connect_tcp(address);
      ++connected;
    });
  }
  run_to_end();
  CHECK(accepted == 50);
  CHECK(connected == 50);
}

// Its error and its half-open socket are those of the first time.
Coro<> connect_twice(Address nowhere) {
  auto connecting = connect_tcp(nowhere);
  bool failed = false;
  try {
    co_await connecting;
  } catch (const std::system_error&) {
    failed = true;
  }
  if (failed) co_await connecting;
}

TEST_CASE("ConnectSocket: an operation that failed cannot be awaited again", "[connect][check]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               loop.run_until_complete(connect_twice(Address("127.0.0.1", 1)));
             }),
             ContainsSubstring("an operation that failed is not awaited again"));
}

}  // namespace test_accept_connect
