#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "testing/thread.hpp"
#include "treadle/sleep.hpp"

namespace test_socket_timers {

using namespace std::chrono_literals;
using treadle::AcceptSocket;
using treadle::Clock;
using treadle::Coro;
using treadle::EventLoop;
using treadle::IoBudget;
using treadle::listen_tcp;
using treadle::read_exactly;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Socket;
using treadle::UniqueFd;
using treadle::write_all;
using treadle::WriteSocket;
using treadle::yield_now;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::drain;
using treadle::testing::Failing;
using treadle::testing::InSmallPieces;
using treadle::testing::last_poll_timeout;
using treadle::testing::last_size;
using treadle::testing::LoopFixture;
using treadle::testing::put;
using treadle::testing::SocketPair;
using treadle::testing::TcpPair;
using treadle::testing::Thread;
using treadle::testing::Trace;

Coro<> note_read(LoopFixture& fixture, Socket& socket, std::string name) {
  std::array<char, 8> buffer;
  try {
    const std::size_t n = co_await ReadSocket(socket, buffer);
    fixture.note(name + " read " + std::string(buffer.data(), n));
  } catch (const std::system_error& error) {
    fixture.note(name + " failed: " + error.code().message());
  }
}

Coro<> note_sleep(LoopFixture& fixture, treadle::Clock::duration delay, std::string name) {
  co_await Sleep(delay);
  fixture.note(name + " slept");
}

TEST_CASE_METHOD(LoopFixture, "Turn: who was ready, then descriptors, then deadlines", "[turn]") {
  SocketPair pair;
  spawn("reader", note_read(*this, pair.a, "reader"));
  spawn("sleeper", note_sleep(*this, 1s, "sleeper"));
  run_until_idle();
  put(pair.b, "x");
  clock.advance(1s);
  loop.call_soon([this] { note("callback"); });
  run_until_idle();
  CHECK(trace == Trace{"callback", "reader read x", "sleeper slept"});
}

TEST_CASE_METHOD(LoopFixture, "Turn: all whose bytes are there wake in one turn, each once",
                 "[turn][fair]") {
  SocketPair one, two, three;
  spawn("a", note_read(*this, two.a, "a"));
  spawn("b", note_read(*this, one.a, "b"));
  spawn("c", note_read(*this, three.a, "c"));
  run_until_idle();
  for (auto* pair : {&three, &one, &two}) put(pair->b, "x");
  loop.stop();
  run_until_idle();
  std::sort(trace.begin(), trace.end());  // the poller promises no order among them
  CHECK(trace == Trace{"a read x", "b read x", "c read x"});
}

TEST_CASE_METHOD(LoopFixture,
                 "Turn: a task that yields without end does not keep bytes and deadlines out",
                 "[turn][fair]") {
  SocketPair pair;
  bool enough = false;
  spawn("greedy", [&]() -> Coro<> {
    for (int i = 0; i < 1000 && !enough; ++i) co_await yield_now();
    note(enough ? "greedy was told" : "greedy gave up");
  });
  spawn("reader", [&]() -> Coro<> {
    co_await note_read(*this, pair.a, "reader");
    clock.advance(1s);
  });
  spawn("sleeper", [&]() -> Coro<> {
    co_await note_sleep(*this, 1s, "sleeper");
    enough = true;
  });
  loop.call_soon([&] { put(pair.b, "x"); });
  loop.run_forever();
  CHECK(trace == Trace{"reader read x", "sleeper slept", "greedy was told"});
}

TEST_CASE_METHOD(LoopFixture, "Turn: a loop of zero sleeps does not keep bytes out",
                 "[turn][fair]") {
  SocketPair pair;
  bool enough = false;
  spawn("greedy", [&]() -> Coro<> {
    for (int i = 0; i < 1000 && !enough; ++i) co_await Sleep(0s);
    note(enough ? "greedy was told" : "greedy gave up");
  });
  spawn("reader", [&]() -> Coro<> {
    co_await note_read(*this, pair.a, "reader");
    enough = true;
  });
  loop.call_soon([&] { put(pair.b, "x"); });
  loop.run_forever();
  CHECK(trace == Trace{"reader read x", "greedy was told"});
}

TEST_CASE_METHOD(LoopFixture, "Turn: bytes that never come keep no deadline from coming",
                 "[turn]") {
  SocketPair pair;
  spawn("reader", note_read(*this, pair.a, "reader"));
  spawn("sleeper", [&]() -> Coro<> {
    co_await note_sleep(*this, 1h, "sleeper");
    pair.a.close();
  });
  run_to_end();
  CHECK(trace == Trace{"sleeper slept", "reader failed: Operation canceled"});
  CHECK(clock.elapsed() == 1h);
}

TEST_CASE_METHOD(LoopFixture, "Turn: the virtual clock does not jump while bytes are there",
                 "[turn][kit]") {
  SocketPair pair;
  spawn("sleeper", note_sleep(*this, 1h, "sleeper"));
  spawn("reader", note_read(*this, pair.a, "reader"));
  run_until_idle();
  put(pair.b, "x");
  const auto task = spawn("other reader", [&]() -> Coro<> { co_await yield_now(); });
  loop.run_until_complete(task);
  CHECK(clock.elapsed() == 0s);
  CHECK(trace == Trace{"reader read x"});
}

TEST_CASE_METHOD(LoopFixture,
                 "Turn: without anybody at a descriptor the kernel is not asked in passing",
                 "[turn][cost]") {
  const auto task = spawn("a", []() -> Coro<> {
    for (int i = 0; i < 100; ++i) co_await yield_now();
  });
  const int before = calls(Call::kPoll);
  loop.run_until_complete(task);
  CHECK(calls(Call::kPoll) == before);
}

TEST_CASE_METHOD(LoopFixture, "Turn: a signal in the middle of the wait is no error",
                 "[turn][signal]") {
  SocketPair pair;
  spawn("reader", note_read(*this, pair.a, "reader"));
  spawn("sleeper", note_sleep(*this, 1s, "sleeper"));
  run_until_idle();
  const Failing interrupted(Call::kPoll, EINTR, 3);
  put(pair.b, "x");
  loop.run_forever();
  CHECK(interrupted.left() == 0);
  CHECK(trace == Trace{"reader read x", "sleeper slept"});  // the clock did not jump over the bytes
}

TEST_CASE_METHOD(LoopFixture,
                 "Turn: what the kernel refuses comes out of the run, and the loop can run again",
                 "[turn][errors]") {
  SocketPair pair;
  spawn("reader", note_read(*this, pair.a, "reader"));
  run_until_idle();
  {
    const Failing refused(Call::kPoll, EINVAL);
    CHECK_THROWS_AS(loop.run_forever(), std::system_error);
  }
  CHECK_FALSE(loop.is_running());
  put(pair.b, "x");
  loop.run_forever();
  CHECK(trace == Trace{"reader read x"});
}

TEST_CASE_METHOD(LoopFixture, "Turn: who waits for a descriptor is no deadlock",
                 "[turn][deadlock]") {
  SocketPair pair;
  spawn("reader", note_read(*this, pair.a, "reader"));
  loop.stop();
  CHECK_NOTHROW(loop.run_forever());
  pair.a.close();
  CHECK_NOTHROW(loop.run_forever());
}

TEST_CASE_METHOD(LoopFixture,
                 "Turn: a socket that is closed by another task in the turn of its bytes",
                 "[turn][close]") {
  // Both orders. The poller comes first in a turn, so bytes that are there win.
  SocketPair pair;
  spawn("closer", [&]() -> Coro<> {
    co_await Sleep(1s);
    pair.a.close();
    note("closed");
  });
  spawn("reader", note_read(*this, pair.a, "reader"));
  run_until_idle();
  SECTION("bytes first") {
    put(pair.b, "x");
    advance(1s);
    CHECK(trace == Trace{"reader read x", "closed"});
  }
  SECTION("close first") {
    advance(1s);
    CHECK(trace == Trace{"closed", "reader failed: Operation canceled"});
  }
}

/// Lets the loop really sleep, and moves only when it has: so how long the loop asks to sleep does not depend on how long
/// anything takes.
class SleepingClock final : public Clock {
 public:
  time_point now() const noexcept override { return now_; }
  duration until(time_point deadline) const noexcept override { return deadline - now_; }
  void idle_until(time_point deadline) noexcept override { now_ = deadline; }

 private:
  time_point now_{1000h};
};

TEST_CASE(
    "Turn: with a deadline and a socket the loop sleeps in one system call, until the deadline",
    "[turn][real-time][cost]") {
  LoopFixture notes;
  SocketPair pair;
  SleepingClock clock;
  EventLoop loop(clock);
  const int before = calls(Call::kPoll);
  loop.create_task(note_read(notes, pair.a, "reader"));
  loop.run_until_complete(note_sleep(notes, 20ms, "sleeper"));
  CHECK(calls(Call::kPoll) - before == 1);
  CHECK(last_poll_timeout() == 20ms);
  CHECK(notes.trace == Trace{"sleeper slept"});
}

TEST_CASE("Turn: with a deadline and a socket, bytes end the sleep before the deadline",
          "[turn][real-time][cost]") {
  LoopFixture notes;
  SocketPair pair;
  SleepingClock clock;
  EventLoop loop(clock);
  const int before = calls(Call::kPoll);
  Thread writer([&] {
    comes_true([&] { return calls(Call::kPoll) > before; });  // the loop sleeps, or is about to
    put(pair.b, "x");
  });
  const auto sleeper = loop.create_task(note_sleep(notes, 1h, "sleeper"));
  loop.run_until_complete(note_read(notes, pair.a, "reader"));
  CHECK(calls(Call::kPoll) - before == 1);
  CHECK(last_poll_timeout() == 1h);
  CHECK(notes.trace == Trace{"reader read x"});
  CHECK_FALSE(sleeper.done());
}

TEST_CASE_METHOD(LoopFixture, "Turn: a task that always finds bytes lets the others run",
                 "[turn][fair]") {
  SocketPair pair;
  put(pair.b, std::string(1000, 'x'));
  const auto greedy = spawn("greedy", [&]() -> Coro<> {
    std::array<char, 1> one;
    for (int i = 0; i < 1000; ++i) co_await ReadSocket(pair.a, one);
  });
  int turns = 0;
  spawn("patient", [&]() -> Coro<> {
    while (!greedy.done()) {
      ++turns;
      co_await yield_now();
    }
  });
  run_to_end();
  CHECK(turns >= 10);
  CHECK(turns < 100);  // and it does not go round the loop for each byte
}

class Transfers : public LoopFixture {
 public:
  /// Lets another task run beside `task`, and says how many turns that had.
  int turns_until(const treadle::Task<>& task) {
    int turns = 0;
    spawn("patient", [&]() -> Coro<> {
      for (; !task.done(); ++turns) co_await yield_now();
    });
    run_to_end();
    return turns;
  }
};

TEST_CASE_METHOD(Transfers, "Turn: a task that always finds many bytes lets the others run sooner",
                 "[turn][fair]") {
  constexpr int kReads = 32;
  constexpr std::size_t kEach = IoBudget::kBytes / 4;
  SocketPair pair;
  std::vector<char> room(kEach);
  const auto greedy = spawn("greedy", [&]() -> Coro<> {
    for (int i = 0; i < kReads; ++i) {
      put(pair.b, std::string(kEach, 'x'));
      co_await ReadSocket(pair.a, room);
    }
  });
  CHECK(turns_until(greedy) == kReads / 4);
}

TEST_CASE_METHOD(Transfers, "Turn: a transfer that never has to wait lets the others run",
                 "[turn][fair]") {
  constexpr std::size_t kCalls = IoBudget::kBytes / IoBudget::kLeast;
  TcpPair pair;  // ready again as soon as there is room for a byte
  SECTION("read_exactly") {
    put(pair.b, std::string(3 * kCalls, 'x'));
    const InSmallPieces one_by_one(1);
    std::vector<char> room(3 * kCalls);
    const auto task = spawn("greedy", [&]() -> Coro<> { co_await read_exactly(pair.a, room); });
    CHECK(turns_until(task) == 3);
    CHECK(std::count(room.begin(), room.end(), 'x') == 3 * kCalls);
  }
  SECTION("write_all") {
    const std::string text(3 * kCalls, 'x');
    std::optional<InSmallPieces> one_by_one(1);
    const auto task = spawn("greedy", [&]() -> Coro<> { co_await write_all(pair.a, text); });
    CHECK(turns_until(task) == 3);
    one_by_one.reset();
    CHECK((drain(pair.b) == text));
  }
  SECTION("clients that give up before they are accepted") {
    Socket listener = listen_tcp({"127.0.0.1", 0});
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
    const auto address = listener.local_address();
    REQUIRE(::connect(client.get(), address.data(), address.size()) == 0);
    const Failing gave_up(Call::kAccept, ECONNABORTED, 100);
    const auto task = spawn("greedy", [&]() -> Coro<> { co_await AcceptSocket(listener); });
    CHECK(turns_until(task) > 90);
  }
}

TEST_CASE_METHOD(LoopFixture, "Turn: one call moves no more than the budget, however much is there",
                 "[turn][fair]") {
  SocketPair pair;
  std::vector<char> room(4 * IoBudget::kBytes);
  const std::string text(room.size(), 'x');
  SECTION("ReadSocket") {
    spawn("a", [&]() -> Coro<> { co_await ReadSocket(pair.a, room); });
  }
  SECTION("read_exactly") {
    spawn("a", [&]() -> Coro<> { co_await read_exactly(pair.a, room); });
  }
  SECTION("WriteSocket") {
    spawn("a", [&]() -> Coro<> { co_await WriteSocket(pair.a, text); });
  }
  SECTION("write_all") {
    spawn("a", [&]() -> Coro<> { co_await write_all(pair.a, text); });
  }
  run_until_idle();
  CHECK(last_size() <= IoBudget::kBytes);
}

TEST_CASE("Turn: the budget is spent by bytes, and by calls that move few", "[turn][fair]") {
  IoBudget budget;
  CHECK(budget.left() == IoBudget::kBytes);
  budget.spend(0);
  budget.spend(1);
  CHECK(budget.left() == IoBudget::kBytes - 2 * IoBudget::kLeast);
  budget.spend(IoBudget::kLeast + 1);
  CHECK(budget.left() == IoBudget::kBytes - 3 * IoBudget::kLeast - 1);
  CHECK_FALSE(budget.spent());
  budget.spend(IoBudget::kBytes);
  CHECK(budget.spent());
  CHECK(budget.left() == 0);
}

}  // namespace test_socket_timers
