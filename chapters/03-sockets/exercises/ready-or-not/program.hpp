// Two ends of a connection and a clock: who is ready, and who must wait.
//
// The ends are a socketpair(2): what one writes is there for the other before the call returns. The
// clock is virtual, and jumps when the loop would sleep.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "testing/socket_pair.hpp"
#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"

using Lines = std::vector<std::string>;
using namespace std::chrono_literals;

// Reads four bytes at most, again and again, until the end.
inline treadle::Coro<> read_all(Lines& said, treadle::Socket& socket) {
  for (;;) {
    said.push_back("reader asks");
    std::array<char, 4> buffer;
    const std::size_t n = co_await treadle::ReadSocket(socket, buffer);
    if (n == 0) break;
    said.push_back("reader gets " + std::string(buffer.data(), n));
  }
  said.push_back("reader is done");
}

inline treadle::Coro<> write_some(Lines& said, treadle::Socket& socket) {
  said.push_back("writer begins");
  co_await treadle::write_all(socket, "abcdef");
  said.push_back("writer has written 6");
  co_await treadle::yield_now();
  co_await treadle::write_all(socket, "gh");
  said.push_back("writer has written 8");
  co_await treadle::sleep_for(10ms);
  co_await treadle::write_all(socket, "ij");
  said.push_back("writer has written 10");
  co_await treadle::sleep_for(0ms);
  said.push_back("writer shuts down");
  socket.shutdown_write();
}

inline treadle::Coro<> watch(Lines& said) {
  for (int i = 1; i <= 2; ++i) {
    said.push_back("watch " + std::to_string(i));
    co_await treadle::yield_now();
  }
}

inline Lines run_program() {
  Lines said;
  treadle::testing::VirtualClock clock;
  treadle::testing::SocketPair ends;
  treadle::EventLoop loop(clock);
  loop.create_task(read_all(said, ends.a));
  loop.create_task(write_some(said, ends.b));
  loop.create_task(watch(said));
  loop.run_forever();
  return said;
}
