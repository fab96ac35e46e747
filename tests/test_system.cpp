#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "testing/descriptors.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"
#include "treadle/system.hpp"

#if __has_include("treadle/thread_pool.hpp")
#include "treadle/run_in_thread.hpp"
#include "treadle/thread_pool.hpp"
#endif

namespace test_system {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using treadle::AcceptSocket;
using treadle::Address;
using treadle::connect_tcp;
using treadle::Coro;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::listen_tcp;
using treadle::read_exactly;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Socket;
using treadle::System;
using treadle::write_all;
using treadle::testing::AllocationCheck;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::Failing;
using treadle::testing::InSmallPieces;
using treadle::testing::NthCallFails;
using treadle::testing::open_descriptors;
using treadle::testing::SocketPair;
using treadle::testing::VirtualClock;

// ---- The kit's own faults

TEST_CASE("System: calls fail as often as a test orders, and are counted", "[system][kit]") {
  const SocketPair pair;
  std::array<char, 8> buffer;
  System& system = System::current();
  const int before = calls(Call::kSend);
  {
    const Failing twice(Call::kSend, EINTR, 2);
    CHECK(system.send(pair.a.fd(), "abc") == -1);
    CHECK(errno == EINTR);
    CHECK(twice.left() == 1);
  }
  {
    const InSmallPieces two_by_two(2);
    CHECK(system.send(pair.a.fd(), "abc") == 2);
    CHECK(system.send(pair.a.fd(), "c") == 1);
    CHECK(system.recv(pair.b.fd(), buffer) == 2);
  }
  CHECK(system.recv(pair.b.fd(), buffer) == 1);
  CHECK(calls(Call::kSend) == before + 3);
}

TEST_CASE("System: the n-th call fails, of whatever kind it is, and then no other",
          "[system][kit]") {
  const SocketPair pair;
  std::array<char, 8> buffer;
  System& system = System::current();
  {
    const NthCallFails third(3, ENOBUFS);
    CHECK(system.send(pair.a.fd(), "abc") == 3);
    CHECK(system.send(pair.a.fd(), "def") == 3);
    CHECK_FALSE(third.happened());
    CHECK(system.recv(pair.b.fd(), buffer) == -1);
    CHECK(errno == ENOBUFS);
    CHECK(third.happened());
    CHECK(system.recv(pair.b.fd(), std::span(buffer).first(4)) == 4);
  }
  const NthCallFails first(1, NthCallFails::kOneByte);
  CHECK(system.recv(pair.b.fd(), buffer) == 1);
  CHECK(system.recv(pair.b.fd(), buffer) == 1);
}

// ---- A program with every kind of call, and a fault in each of them

Coro<> serve(Socket listener) {
  Socket client = co_await AcceptSocket(listener);
  std::array<char, 5> word;
  co_await read_exactly(client, word);
  co_await write_all(client, std::string_view(word.data(), word.size()));
  client.shutdown_write();
}

Coro<std::string> ask(Address address) {
  Socket server = co_await connect_tcp(address);
  co_await write_all(server, "hello"sv);
  std::array<char, 5> answer;
  co_await read_exactly(server, answer);
  std::array<char, 1> more;
  if (co_await ReadSocket(server, more) != 0) throw std::runtime_error("more came than was sent");
  co_await Sleep(1s);
  co_return std::string(answer.data(), answer.size());
}

#if __has_include("treadle/thread_pool.hpp")
Coro<> compute() {
  treadle::ThreadPool pool(1);
  co_await treadle::run_in_thread([] {}, pool);
}
#endif

std::string program() {
  VirtualClock clock;
  [[maybe_unused]] bool signal_came = false;
  EventLoop loop(clock);
  loop.set_exception_handler([](const ErrorContext&) {});
  Socket listener = listen_tcp({"127.0.0.1", 0});
  const Address address = listener.local_address();
#if __has_include("treadle/signals.hpp")
  loop.add_signal_handler(SIGUSR1, [&] { signal_came = true; });
  ::raise(SIGUSR1);
#endif
  const auto server = loop.create_task(serve(std::move(listener)));
  const std::string answer = loop.run_until_complete(ask(address));
  loop.run_until_complete(server);
#if __has_include("treadle/signals.hpp")
  if (!signal_came) throw std::runtime_error("the signal was lost");
#endif
#if __has_include("treadle/thread_pool.hpp")
  loop.run_until_complete(compute());
#endif
  return answer;
}

/// What the program gives if its n-th call fails with `error`; nothing if it makes fewer calls. Checks that it leaves
/// nothing behind.
std::optional<std::string> outcome_of_fault(int n, int error) {
  const std::size_t descriptors = open_descriptors();
  const AllocationCheck memory;
  std::string outcome;
  bool happened = false, balanced = false;
  {
    const NthCallFails fault(n, error);
    try {
      outcome = program();
    } catch (const std::exception&) {
      outcome = "error";
    }
    happened = fault.happened();
  }
  {
    const std::string moved = std::move(outcome);
    balanced = memory.balanced();
    outcome = moved;
  }
  CHECK(balanced);
  CHECK(open_descriptors() == descriptors);
  if (!happened) return std::nullopt;
  return outcome;
}

TEST_CASE("System: whichever call is interrupted, not ready or cut short, the result is the same",
          "[system][errors][real-time]") {
  REQUIRE(program() == "hello");
  for (const int error : {EINTR, EAGAIN, NthCallFails::kOneByte}) {
    int n = 1;
    while (const auto outcome = outcome_of_fault(n, error)) {
      INFO("call " << n << ", error " << error);
      CHECK(*outcome == "hello");
      ++n;
    }
    CHECK(n > 5);
  }
}

TEST_CASE(
    "System: whichever call fails, the program gives its result or an error, and leaves nothing",
    "[system][errors][real-time]") {
  REQUIRE(program() == "hello");
  for (const int error : {EMFILE, ENOMEM, ECONNRESET, EINVAL}) {
    int n = 1, errors = 0;
    while (const auto outcome = outcome_of_fault(n, error)) {
      INFO("call " << n << ", error " << error);
      CHECK((*outcome == "hello" || *outcome == "error"));
      errors += *outcome == "error";
      ++n;
    }
    CHECK(n > 15);
    CHECK(errors > 10);
  }
}

#if __has_include("treadle/thread_pool.hpp")
TEST_CASE("System: the same holds on a system without eventfd", "[system][errors][real-time]") {
  const Failing unknown(Call::kEventfd, ENOSYS, 1'000'000);
  REQUIRE(program() == "hello");
  for (const int error : {EINTR, EMFILE}) {
    for (int n = 1; const auto outcome = outcome_of_fault(n, error); ++n) {
      INFO("call " << n << ", error " << error);
      CHECK((*outcome == "hello" || (error != EINTR && *outcome == "error")));
    }
  }
}
#endif

}  // namespace test_system
