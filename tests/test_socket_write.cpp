#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"

namespace test_socket_write {

using treadle::Coro;
using treadle::EventLoop;
using treadle::ReadSocket;
using treadle::Socket;
using treadle::write_all;
using treadle::WriteSocket;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::Counted;
using treadle::testing::drain;
using treadle::testing::Failing;
using treadle::testing::fill;
using treadle::testing::in_child;
using treadle::testing::InSmallPieces;
using treadle::testing::LoopFixture;
using treadle::testing::make_small;
using treadle::testing::put;
using treadle::testing::reset_connection;
using treadle::testing::SocketPair;
using treadle::testing::TcpPair;
using treadle::testing::Trace;

Coro<std::size_t> write_some(Socket& socket, std::string text) {
  const std::size_t sent = co_await WriteSocket(socket, text);
  co_return sent;
}

Coro<> note_write(LoopFixture& fixture, Socket& socket, std::string text, std::string name) {
  try {
    const std::size_t sent = co_await WriteSocket(socket, text);
    fixture.note(name + " wrote " + std::to_string(sent));
  } catch (const std::system_error& error) {
    fixture.note(name + " failed: " + error.code().message());
  } catch (const std::exception& error) {
    fixture.note(name + " failed: " + error.what());
  }
}

Coro<> note_write_all(LoopFixture& fixture, Socket& socket, std::string text, std::string name) {
  try {
    co_await write_all(socket, text);
    fixture.note(name + " wrote all");
  } catch (const std::system_error& error) {
    fixture.note(name + " failed: " + error.code().message());
  }
}

/// A text in which every place is different from those around it, and so no part can be lost or come twice unseen.
std::string numbers(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

// ---- Ready at once

TEST_CASE_METHOD(LoopFixture, "WriteSocket: what there is room for is written without a turn",
                 "[socket][write]") {
  SocketPair pair;
  spawn("a", note_write(*this, pair.a, "hello", "a"));
  loop.call_soon([this] { note("callback"); });
  run_until_idle();
  CHECK(trace == Trace{"a wrote 5", "callback"});
  CHECK(drain(pair.b) == "hello");
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: what there is room for costs one system call",
                 "[socket][write][cost]") {
  SocketPair pair;
  const int before = calls(Call::kSend), polls = calls(Call::kPoll);
  loop.run_until_complete(write_some(pair.a, "hello"));
  CHECK(calls(Call::kSend) == before + 1);
  CHECK(calls(Call::kPoll) == polls);
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: an empty text is written at once", "[socket][write]") {
  SocketPair pair;
  CHECK(loop.run_until_complete(write_some(pair.a, "")) == 0);
  CHECK(drain(pair.b).empty());
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: it says how much the kernel took", "[socket][write]") {
  SocketPair pair;
  make_small(pair.a);
  const std::string text = numbers(1'000'000);
  const std::size_t sent = loop.run_until_complete(write_some(pair.a, text));
  CHECK(sent > 0);
  CHECK(sent < text.size());
  CHECK(drain(pair.b) == text.substr(0, sent));
}

// ---- Waits, then woken

TEST_CASE_METHOD(LoopFixture, "WriteSocket: where the kernel is full it waits until there is room",
                 "[socket][write]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "late", "a"));
  run_until_idle();
  CHECK(trace.empty());
  drain(pair.b);
  run_until_idle();
  CHECK(trace == Trace{"a wrote 4"});
  CHECK(drain(pair.b) == "late");
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: a false alarm goes back to waiting",
                 "[socket][write]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "late", "a"));
  run_until_idle();
  drain(pair.b);
  {
    const Failing not_yet(Call::kSend, EAGAIN);
    run_until_idle();
    CHECK(not_yet.left() == 0);
  }
  CHECK(trace.empty());
  run_until_idle();
  CHECK(trace == Trace{"a wrote 4"});
}

TEST_CASE_METHOD(LoopFixture,
                 "WriteSocket: one task may wait to read and one to write the same socket",
                 "[socket][write]") {
  SocketPair pair;
  fill(pair.a);
  spawn("writer", note_write(*this, pair.a, "out", "writer"));
  spawn("reader", [&]() -> Coro<> {
    std::array<char, 8> buffer;
    const std::size_t n = co_await ReadSocket(pair.a, buffer);
    note("reader read " + std::string(buffer.data(), n));
  });
  run_until_idle();
  CHECK(trace.empty());
  put(pair.b, "in");
  run_until_idle();
  CHECK(trace == Trace{"reader read in"});
  drain(pair.b);
  run_until_idle();
  CHECK(trace == Trace{"reader read in", "writer wrote 3"});
}

// ---- Errors

TEST_CASE_METHOD(LoopFixture, "WriteSocket: a peer that has gone is EPIPE, with call and address",
                 "[socket][write][errors]") {
  TcpPair pair;
  const std::string peer = pair.a.peer().to_string();
  reset_connection(pair.b);
  loop.run_until_idle();
  try {
    for (int i = 0; i < 3; ++i) loop.run_until_complete(write_some(pair.a, "anybody?"));
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK((error.code() == std::errc::broken_pipe || error.code() == std::errc::connection_reset));
    CHECK_THAT(error.what(), ContainsSubstring("send to " + peer));
  }
}

TEST_CASE("WriteSocket: a peer that has gone never ends the process",
          "[socket][write][errors][signal]") {
  CHECK(in_child([] {
          ::signal(SIGPIPE, SIG_DFL);
          EventLoop loop;
          SocketPair pair;
          pair.b.close();
          try {
            loop.run_until_complete(write_some(pair.a, "anybody?"));
          } catch (const std::system_error& error) {
            if (error.code() != std::errc::broken_pipe) throw;
          }
        }).exit_code == 0);
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: a peer that goes wakes who waits",
                 "[socket][write][errors]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "late", "a"));
  run_until_idle();
  pair.b.close();
  run_until_idle();
  REQUIRE(trace.size() == 1);
  CHECK_THAT(trace[0], ContainsSubstring("a failed: "));
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: writing after shutdown_write is EPIPE",
                 "[socket][write][errors]") {
  SocketPair pair;
  pair.a.shutdown_write();
  spawn("a", note_write(*this, pair.a, "too late", "a"));
  run_until_idle();
  CHECK(trace == Trace{"a failed: Broken pipe"});
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: a closed socket, and none at all, fail with EBADF",
                 "[socket][write][errors]") {
  SocketPair pair;
  Socket none;
  pair.a.close();
  spawn("a", note_write(*this, pair.a, "x", "a"));
  spawn("b", note_write(*this, none, "x", "b"));
  run_until_idle();
  CHECK(trace == Trace{"a failed: Bad file descriptor", "b failed: Bad file descriptor"});
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: a signal in the middle of a call is no error",
                 "[socket][write][signal]") {
  SocketPair pair;
  const Failing interrupted(Call::kSend, EINTR, 3);
  CHECK(loop.run_until_complete(write_some(pair.a, "hello")) == 5);
  CHECK(interrupted.left() == 0);
  CHECK(drain(pair.b) == "hello");
}

TEST_CASE_METHOD(LoopFixture,
                 "Socket: shutdown_write of what is not connected is an error that names the call",
                 "[socket][errors]") {
  Socket none;
  CHECK_THROWS_WITH(none.shutdown_write(), ContainsSubstring("shutdown with ?"));
  CHECK_THROWS_WITH(none.local_address(), ContainsSubstring("getsockname"));
  CHECK_THROWS_AS(Socket(treadle::UniqueFd()), std::system_error);
}

// ---- One at a time, closed, destroyed, moved

TEST_CASE_METHOD(LoopFixture, "WriteSocket: a second task that would wait is refused, by name",
                 "[socket][write]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "for a", "a"));
  spawn("b", note_write(*this, pair.a, "for b", "b"));
  run_until_idle();
  CHECK(
      trace ==
      Trace{
          "b failed: Task-1 waits for this already (send to ?), and only one task at a time can"});
  drain(pair.b);
  run_until_idle();
  CHECK(trace.back() == "a wrote 5");
  CHECK(drain(pair.b) == "for a");
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: closing the socket wakes who waits",
                 "[socket][write][close]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "never", "a"));
  run_until_idle();
  pair.a.close();
  run_until_idle();
  CHECK(trace == Trace{"a failed: Operation canceled"});
}

TEST_CASE_METHOD(LoopFixture, "Socket: closing wakes the reader and then the writer",
                 "[socket][close]") {
  SocketPair pair;
  fill(pair.a);
  spawn("writer", note_write(*this, pair.a, "never", "writer"));
  spawn("reader", [&]() -> Coro<> {
    std::array<char, 8> buffer;
    try {
      co_await ReadSocket(pair.a, buffer);
    } catch (const std::system_error& error) {
      note("reader failed: " + error.code().message());
    }
  });
  run_until_idle();
  pair.a.close();
  pair.a.close();  // does nothing
  run_until_idle();
  CHECK(trace == Trace{"reader failed: Operation canceled", "writer failed: Operation canceled"});
}

TEST_CASE_METHOD(LoopFixture, "WriteSocket: room that came before the close is not lost",
                 "[socket][write][close]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "in time", "a"));
  run_until_idle();
  drain(pair.b);
  loop.call_soon([&] { pair.a.close(); });
  run_until_idle();
  CHECK(trace == Trace{"a wrote 7"});
  CHECK(drain(pair.b) == "in time");
}

TEST_CASE_METHOD(LoopFixture,
                 "WriteSocket: who waits at a socket that is moved goes on at the new one",
                 "[socket][write][move]") {
  SocketPair pair;
  fill(pair.a);
  spawn("a", note_write(*this, pair.a, "followed", "a"));
  run_until_idle();
  Socket moved(std::move(pair.a));
  CHECK_FALSE(pair.a.is_open());
  SECTION("room") {
    drain(pair.b);
    run_until_idle();
    CHECK(trace == Trace{"a wrote 8"});
  }
  SECTION("close") {
    pair.a.close();
    run_until_idle();
    CHECK(trace.empty());
    moved.close();
    run_until_idle();
    CHECK(trace == Trace{"a failed: Operation canceled"});
  }
}

TEST_CASE("WriteSocket: a loop that goes leaves the socket to others",
          "[socket][write][lifetime]") {
  Counted::reset();
  SocketPair pair;
  fill(pair.a);
  const auto writer = [](Socket& socket, Counted) -> Coro<> { co_await WriteSocket(socket, "x"); };
  {
    EventLoop loop;
    loop.create_task(writer(pair.a, Counted()));
    loop.run_until_idle();
    CHECK(Counted::live() > 0);
  }
  CHECK(Counted::live() == 0);
  drain(pair.b);
  EventLoop next;
  CHECK(next.run_until_complete(write_some(pair.a, "again")) == 5);
}

// ---- write_all

TEST_CASE_METHOD(LoopFixture, "WriteAll: it writes all, in order, as the other side makes room",
                 "[socket][write_all]") {
  SocketPair pair;
  make_small(pair.a);
  const std::string text = numbers(300'000);
  const auto task = spawn("a", note_write_all(*this, pair.a, text, "a"));
  std::string received;
  int waits = 0;
  while (!task.done() && waits < 10'000) {
    ++waits;
    run_until_idle();
    received += drain(pair.b);
  }
  received += drain(pair.b);
  CHECK(waits > 3);
  CHECK((received == text));
  CHECK(trace == Trace{"a wrote all"});
}

TEST_CASE_METHOD(LoopFixture, "WriteAll: what the kernel takes in pieces is written without a turn",
                 "[socket][write_all]") {
  SocketPair pair;
  const InSmallPieces few(3);
  const auto task = spawn("a", note_write_all(*this, pair.a, numbers(100), "a"));
  loop.stop();
  run_until_idle();
  CHECK(task.done());
  const InSmallPieces all(100'000);
  CHECK(drain(pair.b) == numbers(100));
}

TEST_CASE_METHOD(LoopFixture, "WriteAll: nothing at all is written at once, and sends nothing",
                 "[socket][write_all]") {
  SocketPair pair;
  const int before = calls(Call::kSend);
  spawn("a", note_write_all(*this, pair.a, "", "a"));
  run_until_idle();
  CHECK(trace == Trace{"a wrote all"});
  CHECK(calls(Call::kSend) == before);
}

TEST_CASE_METHOD(LoopFixture, "WriteAll: a peer that goes in the middle is an error",
                 "[socket][write_all][errors]") {
  SocketPair pair;
  spawn("a", note_write_all(*this, pair.a, numbers(5'000'000), "a"));
  run_until_idle();
  CHECK(trace.empty());
  pair.b.close();
  run_until_idle();
  REQUIRE(trace.size() == 1);
  CHECK_THAT(trace[0], ContainsSubstring("a failed: "));
}

TEST_CASE_METHOD(LoopFixture, "WriteAll: closing the socket in the middle wakes it",
                 "[socket][write_all][close]") {
  SocketPair pair;
  spawn("a", note_write_all(*this, pair.a, numbers(5'000'000), "a"));
  run_until_idle();
  pair.a.close();
  run_until_idle();
  CHECK(trace == Trace{"a failed: Operation canceled"});
}

TEST_CASE_METHOD(LoopFixture, "WriteAll: two tasks move a megabyte through one loop, no byte lost",
                 "[socket][write_all]") {
  TcpPair pair;
  make_small(pair.a);
  const std::string text = numbers(1'000'000);
  std::string received;
  spawn("writer", [&]() -> Coro<> {
    co_await write_all(pair.a, text);
    pair.a.shutdown_write();
  });
  spawn("reader", [&]() -> Coro<> {
    std::array<char, 4096> buffer;
    for (;;) {
      const std::size_t n = co_await ReadSocket(pair.b, buffer);
      if (n == 0) break;
      received.append(buffer.data(), n);
    }
  });
  run_to_end();
  CHECK((received == text));
}

}  // namespace test_socket_write
