#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "testing/descriptors.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"

namespace test_cancel_sockets {

using namespace std::chrono_literals;
using treadle::AcceptSocket;
using treadle::Address;
using treadle::CancelledError;
using treadle::connect_tcp;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::listen_tcp;
using treadle::read_exactly;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Socket;
using treadle::Task;
using treadle::UniqueFd;
using treadle::write_all;
using treadle::WriteSocket;
using treadle::yield_now;
using treadle::testing::Call;
using treadle::testing::DescriptorCheck;
using treadle::testing::drain;
using treadle::testing::Failing;
using treadle::testing::fill;
using treadle::testing::LoopFixture;
using treadle::testing::make_small;
using treadle::testing::put;
using treadle::testing::SocketPair;
using treadle::testing::Trace;

class CancelSockets : public LoopFixture {
 public:
  /// Reads once, and says what came of it.
  Coro<> read(std::string name, Socket& socket) {
    std::array<char, 64> buffer;
    try {
      const std::size_t n = co_await ReadSocket(socket, buffer);
      note(name + " read " + (n == 0 ? "the end" : std::string(buffer.data(), n)));
    } catch (const CancelledError&) {
      note(name + " cancelled");
      throw;
    } catch (const InvalidStateError&) {
      note(name + " refused");
    } catch (const std::system_error& error) {
      note(name + " failed: " + std::to_string(error.code().value()));
    }
  }

  /// Reads until the end or until it is cancelled; what was read lies in `text`.
  Coro<> collect(Socket& socket, std::string& text) {
    std::array<char, 4> buffer;
    for (;;) {
      const std::size_t n = co_await ReadSocket(socket, buffer);
      if (n == 0) co_return;
      text.append(buffer.data(), n);
    }
  }

  Coro<> write(std::string name, Socket& socket, std::string text) {
    try {
      const std::size_t n = co_await WriteSocket(socket, text);
      note(name + " wrote " + std::to_string(n));
    } catch (const CancelledError&) {
      note(name + " cancelled");
      throw;
    } catch (const InvalidStateError&) {
      note(name + " refused");
    }
  }

  Coro<> accept(std::string name, Socket& listener) {
    try {
      const Socket client = co_await AcceptSocket(listener);
      note(name + " accepted");
    } catch (const CancelledError&) {
      note(name + " cancelled");
      throw;
    } catch (const InvalidStateError&) {
      note(name + " refused");
    }
  }
};

Address any_port() { return Address("127.0.0.1", 0); }

UniqueFd raw_client(const Address& address) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(fd.get(), address.data(), address.size()) == 0);
  return fd;
}

// ---- Reading

TEST_CASE_METHOD(CancelSockets, "CancelRead: cancelled while it waits, nothing has been read",
                 "[cancel][socket][read]") {
  SocketPair pair;
  const auto task = spawn("a", read("a", pair.a));
  run_until_idle();
  CHECK(task.cancel());
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  put(pair.b, "bytes");
  spawn("b", read("b", pair.a));  // the socket is as it was
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b read bytes"});
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: the socket is free at once, before the task has run",
                 "[cancel][socket][read]") {
  SocketPair pair;
  const auto first = spawn("a", read("a", pair.a));
  const auto second = spawn("b", [&]() -> Coro<> {
    co_await yield_now();
    co_await read("b", pair.a);
  });
  loop.run_once();
  first.cancel();  // b is ready, and before it
  loop.run_once();
  CHECK(second.waits_for() == "recv from ?");
  put(pair.b, "bytes");
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b read bytes"});
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelRead: cancelled before the loop has seen the bytes, they stay",
                 "[cancel][socket][read][turn]") {
  SocketPair pair;
  const auto task = spawn("a", read("a", pair.a));
  run_until_idle();
  put(pair.b, "bytes");
  task.cancel();
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  CHECK(drain(pair.a) == "bytes");
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelRead: woken with bytes and cancelled in the same turn, it has them",
                 "[cancel][socket][read][turn]") {
  SocketPair pair;
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    co_await read("a", pair.a);
    co_await read("a again", pair.a);
  });
  run_until_idle();
  put(pair.b, "bytes");
  // Ready before the turn, so it runs before whom the turn wakes; and those are ready by then.
  loop.call_soon([&] {
    CHECK(task.waits_for().empty());
    CHECK(task.cancel());
  });
  run_until_idle();
  CHECK(trace == Trace{"a read bytes", "a again cancelled"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: where a cancel is due, bytes that are there stay",
                 "[cancel][socket][read]") {
  SocketPair pair;
  put(pair.b, "bytes");
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    co_await read("a", pair.a);  // has no need to wait
  });
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  spawn("b", read("b", pair.a));
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b read bytes"});
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: one that always finds bytes hears it all the same",
                 "[cancel][socket][read][fair]") {
  SocketPair pair;
  std::string received;
  int sent = 0;
  const auto flooded = spawn("flooded", [&]() -> Coro<> {
    std::array<char, 1> buffer;
    for (; sent < 10'000; ++sent) {
      put(pair.b, "x");
      received.append(buffer.data(), co_await ReadSocket(pair.a, buffer));
    }
  });
  loop.run_once();
  REQUIRE(flooded.waits_for().empty());  // it has let the others run
  REQUIRE_FALSE(flooded.done());
  flooded.cancel();
  run_until_idle();
  CHECK(flooded.cancelled());
  CHECK(sent < 1000);
  CHECK(drain(pair.a) == "x");  // the one that it did not read any more
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: who has heard it may read the bytes that stayed",
                 "[cancel][socket][read]") {
  SocketPair pair;
  put(pair.b, "bytes");
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    std::array<char, 64> buffer;
    ReadSocket operation(pair.a, buffer);
    try {
      co_await operation;
    } catch (const CancelledError&) {
      note("heard");
    }
    const std::size_t n = co_await operation;
    note(std::string(buffer.data(), n));
  });
  run_until_idle();
  CHECK(trace == Trace{"heard", "bytes"});
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: a cancel that was taken back before is none",
                 "[cancel][socket][read]") {
  SocketPair pair;
  put(pair.b, "bytes");
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    task.uncancel();
    co_await read("a", pair.a);
  });
  run_until_idle();
  CHECK(trace == Trace{"a read bytes"});
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: where a cancel is due, a closed socket is no error",
                 "[cancel][socket][read][close]") {
  SocketPair pair;
  pair.a.close();
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    co_await read("a", pair.a);
  });
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelRead: a stream read by many that are cancelled loses no byte",
                 "[cancel][socket][read]") {
  SocketPair pair;
  std::string sent, received;
  for (int i = 0; i < 200; ++i) {
    const auto reader = spawn("reader", collect(pair.a, received));
    const std::string piece = std::to_string(i) + ",";
    // In each order of writing, cancelling and running.
    if (i % 4 == 0) loop.run_once();
    put(pair.b, piece);
    if (i % 4 == 1) loop.run_once();
    reader.cancel();
    if (i % 4 == 2) reader.cancel();
    if (i % 4 == 3) loop.call_soon([reader] { reader.cancel(); });
    sent += piece;
    run_until_idle();
    CHECK(reader.done());
  }
  pair.b.close();
  spawn("last", collect(pair.a, received));
  run_until_idle();
  CHECK(received == sent);
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelRead: one that lets others run has its bytes, and keeps them",
                 "[cancel][socket][read][fair]") {
  // Who always finds bytes lets the others run now and then. Cancelled in that very turn, the bytes are his.
  SocketPair pair;
  std::string received;
  const auto reader = spawn("reader", collect(pair.a, received));
  std::string sent;
  for (int i = 0; i < 400; ++i) sent += static_cast<char>('a' + i % 26);
  put(pair.b, sent);
  loop.run_once();
  REQUIRE_FALSE(received.empty());
  REQUIRE(received.size() < sent.size());  // it has let the others run
  REQUIRE(reader.waits_for().empty());
  reader.cancel();
  run_until_idle();
  CHECK(reader.cancelled());
  CHECK(received + drain(pair.a) == sent);
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: cancelled and the socket closed in the same turn",
                 "[cancel][socket][read][close]") {
  SocketPair pair;
  const auto task = spawn("a", read("a", pair.a));
  run_until_idle();
  SECTION("the cancel came first") {
    task.cancel();
    pair.a.close();
    run_until_idle();
    CHECK(trace == Trace{"a cancelled"});
    CHECK(task.cancelled());
  }
  SECTION("the close came first") {
    pair.a.close();
    task.cancel();
    run_until_idle();
    CHECK(trace == Trace{"a failed: " + std::to_string(ECANCELED)});
    CHECK_FALSE(task.cancelled());
  }
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelRead: the socket may be moved or gone when the cancel is heard",
                 "[cancel][socket][read][lifetime]") {
  std::optional<SocketPair> pair(std::in_place);
  const auto task = spawn("a", read("a", pair->a));
  run_until_idle();
  SECTION("moved") {
    Socket moved = std::move(pair->a);
    task.cancel();
    run_until_idle();
    CHECK(trace == Trace{"a cancelled"});
    put(pair->b, "bytes");
    spawn("b", read("b", moved));
    run_until_idle();
    CHECK(trace == Trace{"a cancelled", "b read bytes"});
  }
  SECTION("gone") {
    task.cancel();
    pair.reset();
    run_until_idle();
    CHECK(trace == Trace{"a cancelled"});
  }
}

TEST_CASE_METHOD(CancelSockets, "CancelRead: the loop closes while it waits",
                 "[cancel][socket][read][close]") {
  SocketPair pair;
  const auto task = spawn("a", read("a", pair.a));
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled"});
  CHECK(task.cancelled());
  put(pair.b, "bytes");
  CHECK(drain(pair.a) == "bytes");  // it is open, and free
}

// ---- Writing

TEST_CASE_METHOD(CancelSockets, "CancelWrite: cancelled while it waits, nothing has been written",
                 "[cancel][socket][write]") {
  SocketPair pair;
  make_small(pair.a);
  const std::size_t before = fill(pair.a);
  const auto task = spawn("a", write("a", pair.a, "bytes"));
  run_until_idle();
  CHECK(task.waits_for() == "send to ?");
  task.cancel();
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  CHECK(drain(pair.b) == std::string(before, '.'));
  spawn("b", write("b", pair.a, "others"));
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b wrote 6"});
  CHECK(drain(pair.b) == "others");
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelWrite: cancelled before the loop has seen the room, nothing is written",
                 "[cancel][socket][write][turn]") {
  SocketPair pair;
  make_small(pair.a);
  fill(pair.a);
  const auto task = spawn("a", write("a", pair.a, "bytes"));
  run_until_idle();
  drain(pair.b);
  task.cancel();
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  CHECK(drain(pair.b).empty());
}

TEST_CASE_METHOD(CancelSockets, "CancelWrite: woken and cancelled in the same turn, it has written",
                 "[cancel][socket][write][turn]") {
  SocketPair pair;
  make_small(pair.a);
  fill(pair.a);
  const auto task = spawn("a", [&]() -> Coro<> {
    co_await write("a", pair.a, "bytes");
    co_await Sleep(1h);
    note("not reached");
  });
  run_until_idle();
  drain(pair.b);
  loop.call_soon([task] { task.cancel(); });
  run_until_idle();
  CHECK(trace == Trace{"a wrote 5"});
  CHECK(drain(pair.b) == "bytes");
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(CancelSockets, "CancelWrite: where a cancel is due, nothing is written",
                 "[cancel][socket][write]") {
  SocketPair pair;
  Task<> task;
  SECTION("though there is room") {
    task = spawn("a", [&]() -> Coro<> {
      task.cancel();
      co_await write("a", pair.a, "bytes");
    });
    run_until_idle();
    CHECK(trace == Trace{"a cancelled"});
  }
  SECTION("and by write_all no part of it") {
    task = spawn("a", [&]() -> Coro<> {
      task.cancel();
      co_await write_all(pair.a, "bytes");
    });
    run_until_idle();
    CHECK(task.cancelled());
  }
  CHECK(drain(pair.b).empty());
}

TEST_CASE_METHOD(CancelSockets, "CancelWrite: one that always finds room hears it all the same",
                 "[cancel][socket][write][fair]") {
  SocketPair pair;
  std::string sent, arrived;
  const auto fast = spawn("fast", [&]() -> Coro<> {
    for (int i = 0; i < 10'000; ++i) {
      co_await write_all(pair.a, "x");
      sent += "x";
      arrived += drain(pair.b);
    }
  });
  loop.run_once();
  REQUIRE(fast.waits_for().empty());  // it has let the others run
  REQUIRE_FALSE(fast.done());
  fast.cancel();
  run_until_idle();
  CHECK(fast.cancelled());
  CHECK(sent.size() < 1000);
  CHECK(arrived + drain(pair.b) == sent);
}

TEST_CASE_METHOD(CancelSockets, "CancelWrite: a reader of the same socket is not disturbed",
                 "[cancel][socket][write][read]") {
  SocketPair pair;
  make_small(pair.a);
  fill(pair.a);
  const auto writer = spawn("a", write("a", pair.a, "bytes"));
  const auto reader = spawn("b", read("b", pair.a));
  run_until_idle();
  SECTION("when the writer is cancelled") {
    writer.cancel();
    run_until_idle();
    put(pair.b, "hello");
    run_until_idle();
    CHECK(trace == Trace{"a cancelled", "b read hello"});
  }
  SECTION("nor a writer when the reader is") {
    reader.cancel();
    run_until_idle();
    drain(pair.b);
    run_until_idle();
    CHECK(trace == Trace{"b cancelled", "a wrote 5"});
  }
  SECTION("both may be") {
    reader.cancel();
    writer.cancel();
    run_until_idle();
    CHECK(trace == Trace{"b cancelled", "a cancelled"});
    CHECK_FALSE(loop.run_once());  // nobody waits for the descriptor
  }
}

TEST_CASE_METHOD(CancelSockets, "CancelWrite: write_all may be cut, and then a part has been sent",
                 "[cancel][socket][write_all]") {
  SocketPair pair;
  make_small(pair.a);
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += static_cast<char>('a' + i % 26);
  const auto task = spawn("a", [&]() -> Coro<> { co_await write_all(pair.a, text); });
  run_until_idle();
  REQUIRE_FALSE(task.done());
  task.cancel();
  run_until_idle();
  CHECK(task.cancelled());
  const std::string sent = drain(pair.b);
  CHECK(sent.size() < text.size());
  CHECK(sent == text.substr(0, sent.size()));
  spawn("b", write("b", pair.a, "others"));
  run_until_idle();
  CHECK(drain(pair.b) == "others");
}

TEST_CASE_METHOD(CancelSockets, "CancelWrite: the loop closes while it waits",
                 "[cancel][socket][write][close]") {
  SocketPair pair;
  make_small(pair.a);
  const std::size_t before = fill(pair.a);
  const auto task = spawn("a", write("a", pair.a, "bytes"));
  const auto all = spawn("b", [&]() -> Coro<> { co_await Sleep(1h); });
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled"});
  CHECK(task.cancelled());
  CHECK(drain(pair.b).size() == before);
}

// ---- read_exactly

TEST_CASE_METHOD(CancelSockets,
                 "CancelReadExactly: what had come is in the buffer, and no more is taken",
                 "[cancel][socket][read_exactly]") {
  SocketPair pair;
  std::array<char, 8> buffer{};
  const auto task = spawn("a", [&]() -> Coro<> { co_await read_exactly(pair.a, buffer); });
  put(pair.b, "abc");
  run_until_idle();
  task.cancel();
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(std::string(buffer.data()) == "abc");
  put(pair.b, "def");
  spawn("b", read("b", pair.a));
  run_until_idle();
  CHECK(trace == Trace{"b read def"});
  CHECK(std::string(buffer.data()) == "abc");
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelReadExactly: woken by its last byte and cancelled, it is whole",
                 "[cancel][socket][read_exactly][turn]") {
  SocketPair pair;
  std::array<char, 4> buffer{};
  const auto task = spawn("a", [&]() -> Coro<> {
    co_await read_exactly(pair.a, buffer);
    note("whole");
    co_await yield_now();
    note("not reached");
  });
  put(pair.b, "ab");
  run_until_idle();
  put(pair.b, "cd");
  loop.call_soon([task] { task.cancel(); });
  run_until_idle();
  CHECK(trace == Trace{"whole"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(CancelSockets, "CancelReadExactly: where a cancel is due, nothing is taken",
                 "[cancel][socket][read_exactly]") {
  SocketPair pair;
  put(pair.b, "abcd");
  std::string buffer = "????";
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    co_await read_exactly(pair.a, {buffer.data(), buffer.size()});
  });
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(buffer == "????");
  CHECK(drain(pair.a) == "abcd");
}

TEST_CASE_METHOD(CancelSockets, "CancelReadExactly: the loop closes while it waits",
                 "[cancel][socket][read_exactly][close]") {
  SocketPair pair;
  std::array<char, 4> buffer{};
  const auto task = spawn("a", [&]() -> Coro<> { co_await read_exactly(pair.a, buffer); });
  put(pair.b, "ab");
  run_until_idle();
  loop.close();
  CHECK(task.cancelled());
  CHECK(errors.empty());
}

// ---- Accepting

TEST_CASE_METHOD(CancelSockets, "CancelAccept: cancelled while it waits, the listener is as it was",
                 "[cancel][socket][accept]") {
  Socket listener = listen_tcp(any_port());
  const auto task = spawn("a", accept("a", listener));
  run_until_idle();
  task.cancel();
  run_until_idle();
  const UniqueFd client = raw_client(listener.local_address());
  spawn("b", accept("b", listener));
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b accepted"});
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelAccept: cancelled before the loop has seen the client, he waits",
                 "[cancel][socket][accept][turn]") {
  Socket listener = listen_tcp(any_port());
  const auto task = spawn("a", accept("a", listener));
  run_until_idle();
  const UniqueFd client = raw_client(listener.local_address());
  task.cancel();
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  spawn("b", accept("b", listener));  // nobody was taken from the queue
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b accepted"});
}

TEST_CASE_METHOD(CancelSockets, "CancelAccept: woken with a client and cancelled, it has him",
                 "[cancel][socket][accept][turn]") {
  Socket listener = listen_tcp(any_port());
  const auto task = spawn("a", [&]() -> Coro<> {
    co_await accept("a", listener);
    co_await accept("a again", listener);
  });
  run_until_idle();
  const UniqueFd client = raw_client(listener.local_address());
  loop.call_soon([task] { task.cancel(); });
  run_until_idle();
  CHECK(trace == Trace{"a accepted", "a again cancelled"});
}

TEST_CASE_METHOD(CancelSockets, "CancelAccept: where a cancel is due, the client goes on waiting",
                 "[cancel][socket][accept]") {
  Socket listener = listen_tcp(any_port());
  const UniqueFd client = raw_client(listener.local_address());
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    co_await accept("a", listener);
  });
  run_until_idle();
  CHECK(trace == Trace{"a cancelled"});
  spawn("b", accept("b", listener));
  run_until_idle();
  CHECK(trace == Trace{"a cancelled", "b accepted"});
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelAccept: one that had a client and never ran leaves none open",
                 "[cancel][socket][accept][lifetime]") {
  const DescriptorCheck descriptors;
  {
    Socket listener = listen_tcp(any_port());
    treadle::EventLoop other;
    const auto task = other.create_task(accept("a", listener));
    other.run_until_idle();
    const UniqueFd client = raw_client(listener.local_address());
    // It is woken with the client in the turn in which the loop closes, or it is cancelled in it.
    other.close();
    CHECK(task.done());
  }
  CHECK(descriptors.balanced());
}

TEST_CASE_METHOD(CancelSockets, "CancelAccept: the loop closes while it waits",
                 "[cancel][socket][accept][close]") {
  Socket listener = listen_tcp(any_port());
  const auto task = spawn("a", accept("a", listener));
  run_until_idle();
  loop.close();
  CHECK(trace == Trace{"a cancelled"});
  CHECK(listener.is_open());
}

// ---- Connecting

// A listener whose queue is full: the kernel answers nobody else.
class FullListener {
 public:
  FullListener() {
    for (int i = 0; i < 8; ++i) {
      UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const Address address = listener.local_address();
      const int result = ::connect(fd.get(), address.data(), address.size());
      REQUIRE((result == 0 || errno == EINPROGRESS));
      clients.push_back(std::move(fd));
    }
  }

  Socket listener = listen_tcp(any_port(), 1);
  std::vector<UniqueFd> clients;
};

TEST_CASE_METHOD(CancelSockets, "CancelConnect: cancelled while it waits, the attempt is dropped",
                 "[cancel][socket][connect]") {
  FullListener full;
  const DescriptorCheck descriptors;
  const auto task = spawn("a", [&]() -> Coro<> {
    try {
      const Socket server = co_await connect_tcp(full.listener.local_address());
      note("connected");
    } catch (const CancelledError&) {
      note("cancelled");
      throw;
    }
  });
  run_until_idle();
  CHECK_FALSE(descriptors.balanced());
  CHECK_THAT(task.waits_for(), ContainsSubstring("connect to 127.0.0.1:"));
  task.cancel();
  run_until_idle();
  CHECK(trace == Trace{"cancelled"});
  CHECK(descriptors.balanced());  // its socket is closed
  CHECK_FALSE(loop.run_once());   // and nobody waits for it
}

TEST_CASE_METHOD(CancelSockets,
                 "CancelConnect: woken and cancelled in the same turn, it is connected",
                 "[cancel][socket][connect][turn]") {
  const DescriptorCheck descriptors;
  // The kit says that the attempt is under way, and the next turn that it went well.
  const Failing under_way(Call::kConnect, EINPROGRESS);
  const auto task = spawn("a", [this]() -> Coro<> {
    const Socket server = co_await connect_tcp({"127.0.0.1", 9});
    note(server.is_open() ? "connected" : "closed");
    co_await Sleep(1h);
    note("not reached");
  });
  loop.create_task([](CancelSockets& fixture, Task<> other) -> Coro<> {
    fixture.note(other.waits_for());
    fixture.loop.call_soon([other] { other.cancel(); });
    co_return;
  }(*this, task));
  run_until_idle();
  CHECK(trace == Trace{"connect to 127.0.0.1:9", "connected"});
  CHECK(task.cancelled());
  CHECK(descriptors.balanced());
}

TEST_CASE_METHOD(CancelSockets, "CancelConnect: where a cancel is due, there is no attempt",
                 "[cancel][socket][connect]") {
  const DescriptorCheck descriptors;
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel();
    try {
      const Failing refused(Call::kConnect, ECONNREFUSED);
      const Socket server = co_await connect_tcp({"127.0.0.1", 9});
      note("connected");
    } catch (const std::system_error& error) {
      note("failed: " + std::to_string(error.code().value()));
    }
  });
  run_until_idle();
  CHECK(trace.empty());
  CHECK(task.cancelled());
  CHECK(descriptors.balanced());
}

TEST_CASE_METHOD(CancelSockets, "CancelConnect: the loop closes while it waits",
                 "[cancel][socket][connect][close]") {
  FullListener full;
  const DescriptorCheck descriptors;
  treadle::EventLoop other;  // it has descriptors of its own, and gives them back
  const auto connect = [](Address address) -> Coro<> {
    const Socket server = co_await connect_tcp(address);
  };
  const auto task = other.create_task(connect(full.listener.local_address()));
  other.run_until_idle();
  REQUIRE_FALSE(task.done());
  other.close();
  CHECK(task.cancelled());
  CHECK(descriptors.balanced());
}

// ---- All of them

TEST_CASE_METHOD(CancelSockets,
                 "CancelSocket: of hundreds that wait half are cancelled, and no other is",
                 "[cancel][socket]") {
  std::vector<SocketPair> pairs(200);
  std::vector<Task<>> tasks;
  for (auto& pair : pairs) tasks.push_back(spawn("a", read("a", pair.a)));
  run_until_idle();
  for (std::size_t i = 0; i < tasks.size(); i += 2) tasks[i].cancel();
  run_until_idle();
  CHECK(trace == Trace(100, "a cancelled"));
  trace.clear();
  for (auto& pair : pairs) put(pair.b, "x");
  run_until_idle();
  CHECK(trace == Trace(100, "a read x"));
  CHECK_FALSE(loop.run_once());
  for (std::size_t i = 0; i < pairs.size(); i += 2) CHECK(drain(pairs[i].a) == "x");
}

}  // namespace test_cancel_sockets
