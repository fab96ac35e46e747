#include <signal.h>

#include <chrono>
#include <span>

#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"

namespace test_busy_loop {

using namespace std::chrono_literals;
using treadle::Coro;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::yield_now;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::put;
using treadle::testing::SocketPair;

/// A loop that always has something to run, as one task yields without end. Whoever becomes ready in another way must
/// be heard all the same, and soon.
class Busy : public LoopFixture {
 public:
  Busy() {
    spawn("busy", [this]() -> Coro<> {
      while (!heard && turns < 10) {
        ++turns;
        co_await yield_now();
      }
      in_time = heard;  // and not when there was nothing else to do
    });
  }

  bool heard = false, in_time = false;
  int turns = 0;
};

TEST_CASE_METHOD(Busy, "BusyLoop: a sleeper whose time has come is woken", "[busy][fair]") {
  spawn("sleeper", [this]() -> Coro<> {
    co_await Sleep(1s);
    heard = true;
  });
  loop.call_soon([this] { clock.advance(2s); });
  run_until_idle();
  CHECK(in_time);
}

TEST_CASE_METHOD(Busy, "BusyLoop: a reader whose descriptor is ready is woken", "[busy][fair]") {
  SocketPair pair;
  spawn("reader", [&]() -> Coro<> {
    char byte;
    co_await ReadSocket(pair.a, std::span(&byte, 1));
    heard = true;
  });
  loop.call_soon([&] { put(pair.b, "x"); });
  run_until_idle();
  CHECK(in_time);
}

TEST_CASE_METHOD(Busy, "BusyLoop: a callback of another thread runs",
                 "[busy][fair][thread][real-time]") {
  loop.call_soon(
      [this] { in_thread([this] { loop.call_soon_threadsafe([this] { heard = true; }); }); });
  run_until_idle();
  CHECK(in_time);
}

TEST_CASE_METHOD(Busy, "BusyLoop: a signal is told", "[busy][fair][signal]") {
  loop.add_signal_handler(SIGUSR1, [this] { heard = true; });
  loop.call_soon([] { ::raise(SIGUSR1); });
  run_until_idle();
  CHECK(in_time);
}

}  // namespace test_busy_loop
