#include <pthread.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "testing/thread.hpp"

namespace test_socket_read {

using treadle::Coro;
using treadle::EventLoop;
using treadle::IncompleteReadError;
using treadle::read_exactly;
using treadle::ReadSocket;
using treadle::Socket;
using treadle::testing::AllocationCheck;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::Failing;
using treadle::testing::InSmallPieces;
using treadle::testing::is_asleep;
using treadle::testing::LoopFixture;
using treadle::testing::put;
using treadle::testing::reset_connection;
using treadle::testing::SocketPair;
using treadle::testing::TcpPair;
using treadle::testing::this_thread_number;
using treadle::testing::Thread;
using treadle::testing::Trace;

Coro<std::string> read_some(Socket& socket) {
  std::array<char, 64> buffer;
  const std::size_t received = co_await ReadSocket(socket, buffer);
  co_return std::string(buffer.data(), received);
}

Coro<std::string> read_this_many(Socket& socket, std::size_t size) {
  std::string text(size, '?');
  co_await read_exactly(socket, text);
  co_return text;
}

Coro<> note_read(LoopFixture& fixture, Socket& socket, std::string name) {
  std::string text;
  try {
    text = co_await read_some(socket);
    fixture.note(name + " read \"" + text + "\"");
  } catch (const std::system_error& error) {
    fixture.note(name + " failed: " + error.code().message());
  } catch (const std::exception& error) {
    fixture.note(name + " failed: " + error.what());
  }
}

// ---- Ready at once

TEST_CASE_METHOD(LoopFixture, "ReadSocket: what is there is read without a turn",
                 "[socket][read]") {
  SocketPair pair;
  put(pair.b, "hello");
  spawn("a", note_read(*this, pair.a, "a"));
  loop.call_soon([this] { note("callback"); });
  run_until_idle();
  CHECK(trace == Trace{"a read \"hello\"", "callback"});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: what is there costs one system call",
                 "[socket][read][cost]") {
  SocketPair pair;
  put(pair.b, "hello");
  const int before = calls(Call::kRecv), polls = calls(Call::kPoll);
  CHECK(loop.run_until_complete(read_some(pair.a)) == "hello");
  CHECK(calls(Call::kRecv) == before + 1);
  CHECK(calls(Call::kPoll) == polls);
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: it reads no more than there is room for",
                 "[socket][read]") {
  SocketPair pair;
  put(pair.b, "abcdef");
  CHECK(run([&]() -> Coro<std::string> {
          std::array<char, 4> buffer;
          std::size_t n = co_await ReadSocket(pair.a, buffer);
          std::string text(buffer.data(), n);
          n = co_await ReadSocket(pair.a, buffer);
          co_return text + "|" + std::string(buffer.data(), n);
        }) == "abcd|ef");
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: every byte is a byte, the zero and 255 too",
                 "[socket][read]") {
  SocketPair pair;
  const std::string text("\0\xff\n\r\0", 5);
  put(pair.b, text);
  CHECK(loop.run_until_complete(read_some(pair.a)) == text);
}

// ---- Waits, then woken

TEST_CASE_METHOD(LoopFixture, "ReadSocket: where nothing is there yet it waits until there is",
                 "[socket][read]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  CHECK(trace.empty());
  put(pair.b, "late");
  run_until_idle();
  CHECK(trace == Trace{"a read \"late\""});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: other tasks run while one waits", "[socket][read]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run([&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) co_await treadle::yield_now();
    note("other");
    put(pair.b, "late");
  });
  loop.run_forever();
  CHECK(trace == Trace{"other", "a read \"late\""});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: the loop sleeps in the kernel until bytes come",
                 "[socket][read]") {
  SocketPair there, back;
  spawn("echo", [&]() -> Coro<> {
    const std::string text = co_await read_some(there.a);
    put(back.b, text);
  });
  spawn("client", note_read(*this, back.a, "client"));
  loop.call_soon([&] { put(there.b, "round trip"); });
  loop.run_forever();
  CHECK(trace == Trace{"client read \"round trip\""});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a false alarm goes back to waiting", "[socket][read]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  put(pair.b, "x");
  {
    const Failing not_yet(Call::kRecv, EAGAIN);
    run_until_idle();
    CHECK(not_yet.left() == 0);
  }
  CHECK(trace.empty());
  run_until_idle();
  CHECK(trace == Trace{"a read \"x\""});
}

TEST_CASE_METHOD(LoopFixture,
                 "ReadSocket: who waits reads in the order of the bytes, one wait after the other",
                 "[socket][read]") {
  SocketPair pair;
  spawn("a", [&]() -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      std::array<char, 1> byte;
      co_await ReadSocket(pair.a, byte);
      note(std::string(1, byte[0]));
    }
  });
  for (const char* text : {"1", "2", "3"}) {
    run_until_idle();
    put(pair.b, text);
  }
  run_until_idle();
  CHECK(trace == Trace{"1", "2", "3"});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: waiting and being woken allocate nothing",
                 "[socket][read][cost]") {
  SocketPair pair;
  std::size_t sum = 0;
  spawn("a", [&]() -> Coro<> {
    std::array<char, 8> buffer;
    for (;;) sum += co_await ReadSocket(pair.a, buffer);
  });
  run_until_idle();
  put(pair.b, "first");
  run_until_idle();
  AllocationCheck memory;
  for (int i = 0; i < 10; ++i) {
    put(pair.b, "x");
    run_until_idle();
  }
  CHECK(memory.made() == 0);
  CHECK(sum == 15);
}

// ---- The end of the stream, and errors

TEST_CASE_METHOD(LoopFixture, "ReadSocket: the end of the stream is nothing, each time",
                 "[socket][read][end]") {
  SocketPair pair;
  put(pair.b, "last");
  pair.b.close();
  for (const auto* name : {"a", "b", "c"}) {
    spawn(name, note_read(*this, pair.a, name));
    run_until_idle();
  }
  CHECK(trace == Trace{"a read \"last\"", "b read \"\"", "c read \"\""});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: the end of the stream wakes who waits",
                 "[socket][read][end]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  pair.b.close();
  run_until_idle();
  CHECK(trace == Trace{"a read \"\""});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a half-closed stream ends one way and goes on the other",
                 "[socket][read][end]") {
  TcpPair pair;
  put(pair.a, "question");
  pair.a.shutdown_write();
  CHECK(loop.run_until_complete(read_some(pair.b)) == "question");
  CHECK(loop.run_until_complete(read_some(pair.b)).empty());
  put(pair.b, "answer");
  CHECK(loop.run_until_complete(read_some(pair.a)) == "answer");
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a reset is an error that names call and address",
                 "[socket][read][errors]") {
  TcpPair pair;
  const std::string peer = pair.a.peer().to_string();
  CHECK_THAT(peer, ContainsSubstring("127.0.0.1:"));
  reset_connection(pair.b);
  try {
    loop.run_until_complete(read_some(pair.a));
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::connection_reset);
    CHECK_THAT(error.what(), ContainsSubstring("recv from " + peer));
  }
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a reset wakes who waits", "[socket][read][errors]") {
  TcpPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  reset_connection(pair.b);
  run_until_idle();
  CHECK(trace == Trace{"a failed: Connection reset by peer"});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a closed socket, and none at all, fail with EBADF",
                 "[socket][read][errors]") {
  SocketPair pair;
  Socket none;
  pair.a.close();
  spawn("a", note_read(*this, pair.a, "a"));
  spawn("b", note_read(*this, none, "b"));
  run_until_idle();
  CHECK(trace == Trace{"a failed: Bad file descriptor", "b failed: Bad file descriptor"});
}

TEST_CASE_METHOD(LoopFixture,
                 "ReadSocket: no room for a byte is refused, for it would look like the end",
                 "[socket][read][errors]") {
  SocketPair pair;
  CHECK_THROWS_AS(run([&]() -> Coro<> { co_await ReadSocket(pair.a, {}); }), std::invalid_argument);
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a signal in the middle of a call is no error",
                 "[socket][read][signal]") {
  SocketPair pair;
  put(pair.b, "hello");
  const Failing interrupted(Call::kRecv, EINTR, 3);
  CHECK(loop.run_until_complete(read_some(pair.a)) == "hello");
  CHECK(interrupted.left() == 0);
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a real signal while it waits changes nothing",
                 "[socket][read][signal][real-time]") {
  struct sigaction action {
  }, before{};
  static std::atomic<int> signals;
  signals = 0;
  action.sa_handler = [](int) { ++signals; };
  ::sigaction(SIGUSR1, &action, &before);
  SocketPair pair;
  const auto task = spawn("a", note_read(*this, pair.a, "a"));
  Thread sender([&, self = ::pthread_self(), number = this_thread_number()] {
    for (int i = 0; i < 5; ++i) {
      comes_true([&] { return signals == i && is_asleep(number); });  // in poll(2), once more
      ::pthread_kill(self, SIGUSR1);
    }
    comes_true([&] { return signals == 5; });
    put(pair.b, "still here");
  });
  loop.run_until_complete(task);
  sender.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  CHECK(signals == 5);
  CHECK(trace == Trace{"a read \"still here\""});
}

// ---- One at a time

TEST_CASE_METHOD(LoopFixture, "ReadSocket: a second task that would wait is refused, by name",
                 "[socket][read]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  spawn("b", note_read(*this, pair.a, "b"));
  run_until_idle();
  CHECK(trace == Trace{"b failed: Task-1 waits for this already (recv from ?), and only one task "
                       "at a time can"});
  put(pair.b, "for a");
  run_until_idle();
  CHECK(trace.back() == "a read \"for a\"");
}

TEST_CASE_METHOD(LoopFixture,
                 "ReadSocket: a second task is refused also where bytes have come meanwhile",
                 "[socket][read]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  loop.call_soon([&] { put(pair.b, "for a"); });
  spawn("b", note_read(*this, pair.a, "b"));
  run_until_idle();
  REQUIRE(trace.size() == 2);
  CHECK_THAT(trace[0], ContainsSubstring("b failed: Task-1 waits for this already"));
  CHECK(trace[1] == "a read \"for a\"");
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: another task may read once the first is done",
                 "[socket][read]") {
  SocketPair pair;
  for (const auto* name : {"a", "b"}) {
    spawn(name, note_read(*this, pair.a, name));
    run_until_idle();
    put(pair.b, name);
    run_until_idle();
  }
  CHECK(trace == Trace{"a read \"a\"", "b read \"b\""});
}

// ---- Closed, destroyed, moved

TEST_CASE_METHOD(LoopFixture,
                 "ReadSocket: closing the socket wakes who waits, with an error that says so",
                 "[socket][read][close]") {
  SocketPair pair;
  spawn("a", [&]() -> Coro<> {
    try {
      co_await read_some(pair.a);
    } catch (const std::system_error& error) {
      note(error.code() == std::errc::operation_canceled ? "ECANCELED" : "another error");
      note(error.what());
    }
  });
  run_until_idle();
  pair.a.close();
  CHECK(trace.empty());
  run_until_idle();
  REQUIRE(trace.size() == 2);
  CHECK(trace[0] == "ECANCELED");
  CHECK_THAT(trace[1], ContainsSubstring("recv from ?: the socket was closed while a task waited"));
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: destroying the socket wakes who waits",
                 "[socket][read][close]") {
  std::optional<SocketPair> pair(std::in_place);
  spawn("a", note_read(*this, pair->a, "a"));
  run_until_idle();
  pair.reset();
  run_until_idle();
  CHECK(trace == Trace{"a failed: Operation canceled"});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: assigning to the socket wakes who waits",
                 "[socket][read][close]") {
  SocketPair pair, other;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  pair.a = std::move(other.a);
  run_until_idle();
  CHECK(trace == Trace{"a failed: Operation canceled"});
  put(other.b, "the other's");
  CHECK(loop.run_until_complete(read_some(pair.a)) == "the other's");
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: bytes that came before the close are not lost",
                 "[socket][read][close]") {
  // Both in one turn. The poller gave the bytes to the task, so the close comes too late for it.
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  put(pair.b, "in time");
  loop.call_soon([&] { pair.a.close(); });
  run_until_idle();
  CHECK(trace == Trace{"a read \"in time\""});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: bytes that come after the close come too late",
                 "[socket][read][close]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  pair.a.close();
  CHECK(::send(pair.b.fd(), "x", 1, MSG_NOSIGNAL) < 0);
  run_until_idle();
  CHECK(trace == Trace{"a failed: Operation canceled"});
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: who was woken does not touch the socket any more",
                 "[socket][read][close][lifetime]") {
  std::optional<SocketPair> pair(std::in_place);
  spawn("a", note_read(*this, pair->a, "a"));
  run_until_idle();
  put(pair->b, "mine");
  loop.call_soon([&] { pair.reset(); });
  run_until_idle();
  CHECK(trace == Trace{"a read \"mine\""});
}

TEST_CASE_METHOD(LoopFixture,
                 "ReadSocket: who waits at a socket that is moved goes on at the new one",
                 "[socket][read][move]") {
  std::optional<SocketPair> pair(std::in_place);
  spawn("a", note_read(*this, pair->a, "a"));
  run_until_idle();
  Socket moved(std::move(pair->a));
  Socket twice;
  twice = std::move(moved);
  Socket other_end = std::move(pair->b);
  pair.reset();
  run_until_idle();
  CHECK(trace.empty());
  SECTION("bytes") {
    put(other_end, "followed");
    run_until_idle();
    CHECK(trace == Trace{"a read \"followed\""});
  }
  SECTION("a second reader") {
    spawn("b", note_read(*this, twice, "b"));
    run_until_idle();
    REQUIRE(trace.size() == 1);
    CHECK_THAT(trace[0], ContainsSubstring("Task-1 waits for this already"));
  }
  SECTION("close") {
    twice.close();
    run_until_idle();
    CHECK(trace == Trace{"a failed: Operation canceled"});
  }
}

TEST_CASE_METHOD(LoopFixture, "ReadSocket: moving a socket to itself changes nothing",
                 "[socket][read][move]") {
  SocketPair pair;
  spawn("a", note_read(*this, pair.a, "a"));
  run_until_idle();
  auto& alias = pair.a;
  pair.a = std::move(alias);
  put(pair.b, "here");
  run_until_idle();
  CHECK(trace == Trace{"a read \"here\""});
}

TEST_CASE("ReadSocket: a loop that goes leaves the socket to others", "[socket][read][lifetime]") {
  Counted::reset();
  SocketPair pair;
  const auto reader = [](Socket& socket, Counted) -> Coro<> { co_await read_some(socket); };
  {
    EventLoop loop;
    loop.create_task(reader(pair.a, Counted()));
    loop.run_until_idle();
    CHECK(Counted::live() > 0);
  }
  CHECK(Counted::live() == 0);
  EventLoop next;
  put(pair.b, "still open");
  CHECK(next.run_until_complete(read_some(pair.a)) == "still open");
}

TEST_CASE("ReadSocket: a loop that goes with socket and reader, whoever owns the socket",
          "[socket][read][lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    const auto owner = [](EventLoop& here, bool first) -> Coro<> {
      SocketPair pair;
      // The owner's frame goes before the reader's, or after it.
      if (first)
        here.create_task([](Socket& socket) -> Coro<> { co_await read_some(socket); }(pair.a));
      co_await read_some(pair.b);
    };
    loop.create_task(owner(loop, true));
    loop.create_task(owner(loop, false));
    loop.run_until_idle();
  }
  CHECK(memory.balanced());
}

// ---- read_exactly

TEST_CASE_METHOD(LoopFixture, "ReadExactly: it waits as often as it must until all is there",
                 "[socket][read_exactly]") {
  SocketPair pair;
  const auto task = spawn("a", read_this_many(pair.a, 6));
  for (const char* text : {"ab", "cd", "efgh"}) {
    run_until_idle();
    CHECK_FALSE(task.done());
    put(pair.b, text);
  }
  run_until_idle();
  CHECK(task.result() == "abcdef");
  CHECK(loop.run_until_complete(read_some(pair.a)) == "gh");  // and not a byte more
}

TEST_CASE_METHOD(LoopFixture, "ReadExactly: what is there in pieces is read without a turn",
                 "[socket][read_exactly]") {
  SocketPair pair;
  put(pair.b, "abcdef");
  const InSmallPieces one_by_one(1);
  const auto task = spawn("a", read_this_many(pair.a, 6));
  loop.stop();
  run_until_idle();
  REQUIRE(task.done());
  CHECK(task.result() == "abcdef");
}

TEST_CASE_METHOD(LoopFixture, "ReadExactly: nothing at all is read at once",
                 "[socket][read_exactly]") {
  SocketPair pair;
  CHECK(loop.run_until_complete(read_this_many(pair.a, 0)).empty());
}

TEST_CASE_METHOD(LoopFixture, "ReadExactly: a stream that ends first is an error that counts",
                 "[socket][read_exactly][errors]") {
  SocketPair pair;
  put(pair.b, "abc");
  pair.b.close();
  try {
    loop.run_until_complete(read_this_many(pair.a, 5));
    FAIL("nothing was thrown");
  } catch (const IncompleteReadError& error) {
    CHECK(error.received() == 3);
    CHECK(error.expected() == 5);
    CHECK_THAT(error.what(), ContainsSubstring("3 of 5 bytes"));
  }
}

TEST_CASE_METHOD(LoopFixture, "ReadExactly: a stream that ends while it waits is the same error",
                 "[socket][read_exactly][errors]") {
  SocketPair pair;
  put(pair.b, "ab");
  const auto task = spawn("a", read_this_many(pair.a, 5));
  run_until_idle();
  pair.b.close();
  run_until_idle();
  REQUIRE(task.done());
  CHECK_THROWS_AS(task.result(), IncompleteReadError);
}

TEST_CASE_METHOD(LoopFixture, "ReadExactly: a stream that ends with the last byte is no error",
                 "[socket][read_exactly]") {
  SocketPair pair;
  put(pair.b, "abc");
  pair.b.close();
  CHECK(loop.run_until_complete(read_this_many(pair.a, 3)) == "abc");
}

TEST_CASE_METHOD(LoopFixture, "ReadExactly: closing the socket in the middle wakes it",
                 "[socket][read_exactly][close]") {
  SocketPair pair;
  put(pair.b, "ab");
  const auto task = spawn("a", read_this_many(pair.a, 5));
  run_until_idle();
  pair.a.close();
  run_until_idle();
  REQUIRE(task.done());
  CHECK_THROWS_AS(task.result(), std::system_error);
}

}  // namespace test_socket_read
