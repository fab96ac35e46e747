// A task of one loop, for those who wait for it elsewhere: a thread that may block, a task of another loop that may not.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/sleep.hpp"

namespace test_remote_task {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::LoopClosedError;
using treadle::RemoteTask;
using treadle::run_coroutine_threadsafe;
using treadle::Sleep;
using treadle::Task;
using treadle::TimeoutError;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::comes_to_sleep;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::this_thread_number;
using treadle::testing::Thread;
using treadle::testing::Threads;
using treadle::testing::time_limit;
using treadle::testing::Trace;

Coro<int> gives(int value) {
  co_await yield_now();
  co_return value;
}

Coro<int> gives_at_once(int value) { co_return value; }

Coro<int> fails() {
  co_await yield_now();
  throw std::runtime_error("no");
}

Coro<int> sleeps_long() {
  co_await Sleep(1h);
  co_return 1;
}

/// What awaiting `remote` comes to, in words.
template <class T>
Coro<std::string> outcome_of(RemoteTask<T> remote) {
  try {
    co_return std::to_string(co_await remote);
  } catch (const CancelledError& error) {
    co_return error.message();
  } catch (const std::exception& error) {
    co_return error.what();
  }
}

// ---- A thread that blocks

TEST_CASE("RemoteTask: a thread blocks until there is a value", "[remote][real-time]") {
  LoopInThread other;
  CHECK(run_coroutine_threadsafe(other.loop, gives(7)).result() == 7);
  const auto slow = run_coroutine_threadsafe(other.loop, []() -> Coro<std::string> {
    co_await Sleep(2ms);
    co_return "slow";
  }());
  CHECK(slow.result() == "slow");
  CHECK(slow.done());
  CHECK(slow.result() == "slow");  // any number of times
}

TEST_CASE("RemoteTask: an error comes out of result()", "[remote][errors][real-time]") {
  std::atomic<int> told = 0;
  {
    LoopInThread other;
    other.loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
    const auto remote = run_coroutine_threadsafe(other.loop, fails());
    CHECK_THROWS_WITH(remote.result(), "no");
    CHECK(remote.exception() != nullptr);
  }
  CHECK(told == 0);
}

TEST_CASE("RemoteTask: no value, a reference, a value that can only be moved",
          "[remote][real-time]") {
  LoopInThread other;
  run_coroutine_threadsafe(other.loop, []() -> Coro<> { co_return; }()).result();
  static int target = 5;
  int& same =
      run_coroutine_threadsafe(other.loop, []() -> Coro<int&> { co_return target; }()).result();
  CHECK(&same == &target);
  auto moved =
      run_coroutine_threadsafe(
          other.loop, []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(9); }())
          .result();
  CHECK(*moved == 9);
  auto timely =
      run_coroutine_threadsafe(
          other.loop, []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(8); }())
          .result(time_limit());
  CHECK(*timely == 8);
}

TEST_CASE("RemoteTask: a handle may be to nothing, and then to a task", "[remote][real-time]") {
  LoopInThread other;
  RemoteTask<> task;
  CHECK_FALSE(task);
  task = run_coroutine_threadsafe(other.loop, []() -> Coro<> { co_return; }());
  CHECK(task);
  task.result();
  CHECK(task.done());
}

TEST_CASE("RemoteTask: several threads wait for one task", "[remote][real-time]") {
  LoopInThread other;
  const auto remote = run_coroutine_threadsafe(other.loop, []() -> Coro<std::string> {
    co_await Sleep(2ms);
    co_return std::string(40, 'x');
  }());
  std::atomic<int> right = 0;
  Threads threads;
  threads.start_together(4, [&](int) {
    const auto mine = remote;
    if (mine.result() == std::string(40, 'x')) ++right;
  });
  threads.join();
  CHECK(right == 4);
}

TEST_CASE("RemoteTask: result() waits no longer than it was told to, and the task goes on",
          "[remote][timeout][real-time]") {
  LoopInThread other;
  std::atomic<bool> go = false;
  const auto remote =
      run_coroutine_threadsafe(other.loop, [](std::atomic<bool>& may_end) -> Coro<int> {
        while (!may_end) co_await Sleep(100us);
        co_return 3;
      }(go));
  CHECK_THROWS_AS(remote.result(0s), TimeoutError);
  CHECK_THROWS_WITH(remote.result(1ms), remote.label() + " is not done in time, and goes on");
  CHECK_FALSE(remote.done());
  go = true;
  CHECK(remote.result(time_limit()) == 3);
  CHECK(remote.result(0s) == 3);  // what is done is done in time
}

TEST_CASE("RemoteTask: the longest wait there is is not over at once",
          "[remote][timeout][edge][real-time]") {
  LoopInThread other;
  const auto give = []() -> Coro<int> {
    co_await Sleep(5ms);
    co_return 3;
  };
  CHECK(run_coroutine_threadsafe(other.loop, give()).result(std::chrono::hours::max()) == 3);
  CHECK(run_coroutine_threadsafe(other.loop, give()).result(std::chrono::nanoseconds::max()) == 3);
}

TEST_CASE("RemoteTask: a thread that gave up waiting has left nothing that is told of the end",
          "[remote][timeout][real-time]") {
  AllocationCheck memory;
  {
    LoopInThread other;
    auto remote = run_coroutine_threadsafe(other.loop, sleeps_long());
    for (int i = 0; i < 20; ++i) CHECK_THROWS_AS(remote.result(10us), TimeoutError);
    remote.cancel();
    CHECK_THROWS_AS(remote.result(time_limit()), CancelledError);
  }
  CHECK(memory.balanced());
}

TEST_CASE("RemoteTask: cancelled from the thread, CancelledError comes out",
          "[remote][cancel][real-time]") {
  LoopInThread other;
  const auto remote = run_coroutine_threadsafe(other.loop, sleeps_long());
  CHECK(remote.cancel("changed our mind"));
  std::string message;
  try {
    remote.result();
  } catch (const CancelledError& error) {
    message = error.message();
  }
  CHECK(message == "cancelled by another thread: changed our mind");
  CHECK(remote.cancelled());
}

TEST_CASE("RemoteTask: one that refuses to be cancelled gives its value",
          "[remote][cancel][real-time]") {
  LoopInThread other;
  const auto remote = run_coroutine_threadsafe(other.loop, []() -> Coro<int> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError&) {
      co_return 4;
    }
    co_return 1;
  }());
  REQUIRE(comes_true([&] { return !remote.waits_for().empty(); }));
  remote.cancel();
  CHECK(remote.result() == 4);
}

TEST_CASE(
    "RemoteTask: while a thread blocks for a task that is stuck, the loop reports which task waits "
    "for what",
    "[remote][deadlock][real-time]") {
  LoopFixture::restart_ids();
  const auto waits = [](const Task<int>& other) -> Coro<int> { co_return co_await other; };
  EventLoop loop;
  Task<int> first, second;
  first = loop.create_task(waits(second));
  second = loop.create_task(waits(first));
  Trace said;  // by the loop's thread, which has ended when this is read
  loop.set_exception_handler([&](const treadle::ErrorContext& context) {
    said.push_back(describe(context));
    first.cancel();
  });
  const RemoteTask<int> remote(first);
  Thread runner([&] { loop.run_forever(); });
  CHECK_THROWS_AS(remote.result(), CancelledError);
  loop.stop();
  runner.join();
  CHECK(said == Trace{"nothing is left to run unless another thread brings it: "
                      "Task-1 waits for Task-2, Task-2 waits for Task-1"});
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: a thread that runs a loop may not block, and is told so",
                 "[remote][real-time]") {
  const auto own = run_coroutine_threadsafe(loop, gives(1));
  LoopInThread other;
  const auto others = run_coroutine_threadsafe(other.loop, sleeps_long());
  loop.call_soon([&] {
    for (const auto& remote : {own, others}) {
      try {
        remote.result(1s);
        note("waited");
      } catch (const InvalidStateError& error) {
        note(error.what());
      }
    }
  });
  loop.stop();
  run_until_idle();
  const auto refused = [](const auto& remote) {
    return "to block until " + remote.label() +
           " is done would block the loop that this thread runs: await it";
  };
  CHECK(trace == Trace{refused(own), refused(others)});
  run_until_idle();
  CHECK(own.result() == 1);  // done: that is no waiting
}

TEST_CASE("RemoteTask: a thread waits for a loop that begins to run only later",
          "[remote][real-time]") {
  EventLoop loop;
  int got = 0;
  std::atomic<bool> made = false;
  Threads threads;
  threads.start([&] {
    auto remote = run_coroutine_threadsafe(loop, gives(6));
    made = true;
    got = std::move(remote).result();
  });
  REQUIRE(comes_true([&] { return made.load(); }));
  loop.run_until_idle();
  threads.join();
  CHECK(got == 6);
}

TEST_CASE("RemoteTask: a thread that asks while the last turn runs hears of the end",
          "[remote][real-time]") {
  EventLoop loop;
  std::atomic<bool> go = false, heard = false;
  std::atomic<long> asker = 0;
  loop.call_soon([&] {
    go = true;
    comes_to_sleep(asker);  // it has asked, and the task is not done
  });
  const auto remote = run_coroutine_threadsafe(loop, gives_at_once(6));
  Thread asks([&] {
    while (!go) std::this_thread::yield();
    asker = this_thread_number();
    heard = remote.result() == 6;
  });
  loop.run_once();
  const bool told = comes_true([&] { return heard.load(); });
  loop.close();  // a thread that was not told is told by this
  asks.join();
  CHECK(told);
}

TEST_CASE("RemoteTask: a thread hears of an end that ends the run", "[remote][real-time]") {
  EventLoop loop;
  std::atomic<bool> heard = false;
  const auto remote = run_coroutine_threadsafe(loop, gives(6));
  Thread asks([&] { heard = remote.result() == 6; });
  comes_to_sleep(asks.number());  // it waits before we run
  loop.run_until_done(remote);
  const bool told = comes_true([&] { return heard.load(); });
  loop.close();
  asks.join();
  CHECK(told);
}

TEST_CASE("RemoteTask: a task of another loop hears of an end that ends the run",
          "[remote][real-time]") {
  EventLoop loop;
  const auto remote = run_coroutine_threadsafe(loop, gives(6));
  LoopInThread other;
  const auto waits = run_coroutine_threadsafe(other.loop, outcome_of(remote));
  REQUIRE(comes_true([&] { return !waits.waits_for().empty(); }));
  loop.run_until_done(remote);
  const bool told = comes_true([&] { return waits.done(); });
  loop.close();
  CHECK(told);
}

TEST_CASE("RemoteTask: who waits in vain again and again leaves no more behind than once",
          "[remote][timeout][cost]") {
  EventLoop loop;
  const auto remote = run_coroutine_threadsafe(loop, sleeps_long());
  CHECK_THROWS_AS(remote.result(0ms), TimeoutError);
  AllocationCheck memory;
  for (int i = 0; i < 100; ++i) CHECK_THROWS_AS(remote.result(0ms), TimeoutError);
  CHECK(memory.balanced());
}

TEST_CASE("RemoteTask: the loop is closed: no task is made, and its arguments are destroyed",
          "[remote][close]") {
  Counted::reset();
  EventLoop loop;
  loop.close();
  const auto takes = [](Counted) -> Coro<> { co_return; };
  CHECK_THROWS_AS(run_coroutine_threadsafe(loop, takes(Counted())), LoopClosedError);
  CHECK(Counted::live() == 0);
}

TEST_CASE("RemoteTask: the handle outlives the loop, with the result",
          "[remote][close][real-time]") {
  AllocationCheck memory;
  {
    std::optional<RemoteTask<std::string>> done, never;
    {
      LoopInThread other;
      done = run_coroutine_threadsafe(
          other.loop, []() -> Coro<std::string> { co_return std::string(40, 'x'); }());
      never = run_coroutine_threadsafe(other.loop, []() -> Coro<std::string> {
        co_await Sleep(1h);
        co_return "";
      }());
      done->result();
    }
    CHECK(done->result() == std::string(40, 'x'));
    CHECK_THROWS_AS(never->result(), CancelledError);
    CHECK_THROWS_AS(never->result(1s), CancelledError);
  }
  CHECK(memory.balanced());
}

// ---- A task of another loop

TEST_CASE_METHOD(LoopFixture, "RemoteTask: a task awaits one of another loop: value, error, cancel",
                 "[remote][await][real-time]") {
  LoopInThread other;
  const auto value = run_coroutine_threadsafe(other.loop, gives(7));
  const auto error = run_coroutine_threadsafe(other.loop, fails());
  const auto cancelled = run_coroutine_threadsafe(other.loop, sleeps_long());
  cancelled.cancel("enough");
  CHECK(loop.run_until_complete(outcome_of(value)) == "7");
  CHECK(loop.run_until_complete(outcome_of(error)) == "no");
  CHECK(loop.run_until_complete(outcome_of(cancelled)) == "cancelled by another thread: enough");
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(LoopFixture,
                 "RemoteTask: a value that can only be moved is moved to the other loop",
                 "[remote][await][real-time]") {
  LoopInThread other;
  const int got = loop.run_until_complete([](EventLoop& there) -> Coro<int> {
    auto value = co_await run_coroutine_threadsafe(there, []() -> Coro<std::unique_ptr<int>> {
      co_await yield_now();
      co_return std::make_unique<int>(9);
    }());
    co_return *value;
  }(other.loop));
  CHECK(got == 9);
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: who waits says for what", "[remote][await][waits_for]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(1));
  const auto task = spawn("waits", outcome_of(remote));
  run_until_idle();
  CHECK(task.waits_for() == "Task-1 of another loop");
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: it goes on in a turn of its own loop, on its own thread",
                 "[remote][await][turn][real-time]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(1));
  const auto task = spawn("waits", [](RemoteTask<int> what) -> Coro<std::thread::id> {
    co_await what;
    co_return std::this_thread::get_id();
  }(remote));
  run_until_idle();
  in_thread([&] { other.run_until_idle(); });
  CHECK(remote.done());
  CHECK_FALSE(task.done());  // the loops have not met
  run_until_idle();
  CHECK(task.result() == std::this_thread::get_id());
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: what is done already is not waited for",
                 "[remote][await]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(5));
  other.run_until_idle();
  const auto task = spawn("takes", outcome_of(remote));
  loop.stop();
  run_until_idle();  // one turn
  REQUIRE(task.done());
  CHECK(task.result() == "5");
}

TEST_CASE_METHOD(LoopFixture,
                 "RemoteTask: a task of the same loop may be awaited through it, but not the own",
                 "[remote][await]") {
  const auto remote = run_coroutine_threadsafe(loop, gives(5));
  CHECK(loop.run_until_complete(outcome_of(remote)) == "5");
  std::optional<RemoteTask<std::string>> self;
  self = run_coroutine_threadsafe(
      loop, [](std::optional<RemoteTask<std::string>>& own) -> Coro<std::string> {
        try {
          co_return co_await *own;
        } catch (const InvalidStateError& error) {
          co_return error.what();
        }
      }(self));
  run_until_idle();
  CHECK(self->result() == self->label() + " cannot wait for itself");
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: several tasks of several loops await one",
                 "[remote][await][real-time]") {
  LoopInThread other;
  EventLoop third;
  const auto remote = run_coroutine_threadsafe(other.loop, []() -> Coro<int> {
    co_await Sleep(1ms);
    co_return 7;
  }());
  const auto here = spawn("here", outcome_of(remote));
  const auto too = spawn("too", outcome_of(remote));
  const auto there = third.create_task(outcome_of(remote));
  third.run_until_complete(there);
  loop.run_until_complete(here);
  loop.run_until_complete(too);
  CHECK(here.result() == "7");
  CHECK(too.result() == "7");
  CHECK(there.result() == "7");
}

TEST_CASE("RemoteTask: a handle of a task of another loop cannot be joined without it",
          "[remote][await]") {
  EventLoop loop, other;
  const auto task = other.create_task(gives(1));
  CHECK_THROWS_WITH(
      loop.run_until_complete([](Task<int> what) -> Coro<int> { co_return co_await what; }(task)),
      ContainsSubstring("run_coroutine_threadsafe()"));
}

/// Two loops that hand each other work, so many hops deep.
Coro<int> ping_pong(EventLoop& here, EventLoop& there, int hops) {
  if (hops == 0) co_return 0;
  const int rest = co_await run_coroutine_threadsafe(there, ping_pong(there, here, hops - 1));
  co_return rest + 1;
}

TEST_CASE("RemoteTask: two loops in two threads await each other's work",
          "[remote][await][thread][real-time]") {
  LoopInThread one, two;
  const auto first = run_coroutine_threadsafe(one.loop, ping_pong(one.loop, two.loop, 200));
  const auto second = run_coroutine_threadsafe(two.loop, ping_pong(two.loop, one.loop, 200));
  CHECK(first.result() == 200);
  CHECK(second.result() == 200);
}

TEST_CASE("RemoteTask: two loops ask each other a thousand times, and each answer comes once",
          "[remote][await][thread][real-time]") {
  LoopInThread one, two;
  const auto asks = [](EventLoop& there) -> Coro<int> {
    int sum = 0;
    for (int i = 0; i < 500; ++i) {
      const int answer = co_await run_coroutine_threadsafe(there, gives(i));
      sum += answer == i ? 1 : 0;
    }
    co_return sum;
  };
  const auto first = run_coroutine_threadsafe(one.loop, asks(two.loop));
  const auto second = run_coroutine_threadsafe(two.loop, asks(one.loop));
  CHECK(first.result() == 500);
  CHECK(second.result() == 500);
}

// ---- Cancelled while it awaits

TEST_CASE_METHOD(LoopFixture, "RemoteTask: who awaits and is cancelled leaves the other task alone",
                 "[remote][await][cancel]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(5));
  const auto task = spawn("waits", outcome_of(remote));
  run_until_idle();
  CHECK(task.cancel("enough"));
  run_until_idle();
  CHECK(task.result() == "cancelled: enough");
  other.run_until_idle();
  run_until_idle();
  CHECK(remote.result() == 5);
}

TEST_CASE_METHOD(LoopFixture,
                 "RemoteTask: who awaits in vain again and again leaves but one behind",
                 "[remote][await][cancel][cost]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(5));
  const auto wait_in_vain = [&] {
    const auto task =
        spawn("waits", [](const RemoteTask<int>& what) -> Coro<> { co_await what; }(remote));
    run_until_idle();
    task.cancel();
    run_until_idle();
    CHECK(task.cancelled());
  };
  wait_in_vain();
  AllocationCheck memory;
  for (int i = 0; i < 100; ++i) wait_in_vain();
  CHECK(memory.balanced());
  const auto in_the_end = spawn("waits", outcome_of(remote));
  run_until_idle();
  other.run_until_idle();
  run_until_idle();
  CHECK(in_the_end.result() == "5");
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: of two that await by one handle, both hear of the end",
                 "[remote][await]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(5));
  const auto waits = [](const RemoteTask<int>& what, Trace& heard) -> Coro<> {
    heard.push_back(std::to_string(co_await what));
  };
  const auto in_vain = spawn("in vain", waits(remote, trace));
  run_until_idle();
  in_vain.cancel();
  run_until_idle();
  spawn("first", waits(remote, trace));
  spawn("second", waits(remote, trace));
  run_until_idle();
  other.run_until_idle();
  run_until_idle();
  CHECK(trace == Trace{"5", "5"});
}

TEST_CASE("RemoteTask: a handle that waited in vain on one loop awaits on another",
          "[remote][await]") {
  EventLoop kitchen, first, second;
  const auto remote = run_coroutine_threadsafe(kitchen, gives(5));
  const auto in_vain = first.create_task(outcome_of(remote));
  const auto waits = [](const RemoteTask<int>& what) -> Coro<int> { co_return co_await what; };
  const auto before = first.create_task(waits(remote));
  first.run_until_idle();
  before.cancel();
  first.run_until_idle();
  const auto after = second.create_task(waits(remote));
  second.run_until_idle();
  kitchen.run_until_idle();
  second.run_until_idle();
  CHECK(after.result() == 5);
  first.run_until_idle();
  CHECK(in_vain.result() == "5");
}

TEST_CASE_METHOD(LoopFixture,
                 "RemoteTask: the task ended first, then the cancel came: it hears of the cancel, "
                 "and nothing is lost",
                 "[remote][await][cancel][turn]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(5));
  const auto task = spawn("waits", outcome_of(remote));
  run_until_idle();
  other.run_until_idle();  // the news is on its way, and has not been told
  CHECK(task.cancel("enough"));
  run_until_idle();
  CHECK(task.result() == "cancelled: enough");
  CHECK(remote.result() == 5);
}

TEST_CASE_METHOD(
    LoopFixture,
    "RemoteTask: told of the end first and cancelled in the same turn, it keeps the value",
    "[remote][await][cancel][turn]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, gives(5));
  const auto task = spawn("waits", [this](RemoteTask<int> what) -> Coro<> {
    const int value = co_await what;
    note(std::to_string(value));
    co_await Sleep(1h);
    note("never");
  }(remote));
  run_until_idle();
  other.run_until_idle();
  loop.call_soon([&] { task.cancel(); });  // behind the news, before the task's step
  run_until_idle();
  CHECK(trace == Trace{"5"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(LoopFixture, "RemoteTask: cancelled before it waits, it does not wait",
                 "[remote][await][cancel]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, sleeps_long());
  const auto task = spawn("waits", [](RemoteTask<int> what) -> Coro<std::string> {
    const AnyTask self = co_await treadle::get_current_task();
    self.cancel("by itself");
    co_return co_await outcome_of(what);
  }(remote));
  run_until_idle();
  CHECK(task.result() == "cancelled by " + task.label() + ": by itself");
}

TEST_CASE("RemoteTask: woken or cancelled, never both and never neither, in two threads",
          "[remote][await][cancel][thread][real-time]") {
  int values = 0, cancels = 0;
  {
    EventLoop loop;
    LoopInThread other;
    for (int i = 0; i < 400; ++i) {
      const auto remote = run_coroutine_threadsafe(other.loop, gives(5));
      const auto task = loop.create_task(outcome_of(remote));
      loop.stop();
      loop.run_until_idle();
      for (int spin = i % 6; spin > 0; --spin) std::this_thread::yield();
      task.cancel("enough");
      const std::string outcome = loop.run_until_complete(task);
      values += outcome == "5" ? 1 : 0;
      cancels += outcome == "cancelled: enough" ? 1 : 0;
      REQUIRE(remote.result() == 5);
    }
  }
  CHECK(values + cancels == 400);
}

// ---- Loops that close

TEST_CASE_METHOD(LoopFixture,
                 "RemoteTask: the other loop closes while a task awaits its work: it is told",
                 "[remote][await][close]") {
  auto other = std::make_unique<EventLoop>();
  const auto remote = run_coroutine_threadsafe(*other, sleeps_long());
  const auto task = spawn("waits", outcome_of(remote));
  run_until_idle();
  other->run_until_idle();
  other.reset();
  run_until_idle();
  CHECK(task.result() == "cancelled because the loop closes");
}

TEST_CASE_METHOD(LoopFixture,
                 "RemoteTask: the other loop is closed already: what is awaited is over",
                 "[remote][await][close]") {
  EventLoop other;
  const auto remote = run_coroutine_threadsafe(other, sleeps_long());
  other.close();
  CHECK(loop.run_until_complete(outcome_of(remote)) == "cancelled because the loop closes");
}

TEST_CASE("RemoteTask: the loop of the one who awaits closes, and the other's news is dropped",
          "[remote][await][close]") {
  AllocationCheck memory;
  {
    EventLoop other;
    const auto remote = run_coroutine_threadsafe(other, gives(5));
    {
      EventLoop loop;
      loop.create_task(outcome_of(remote));
      loop.run_until_idle();
    }
    other.run_until_idle();
    CHECK(remote.result() == 5);
    const auto second = run_coroutine_threadsafe(other, gives(6));
    {
      EventLoop loop;
      loop.create_task(outcome_of(second));
      loop.run_until_idle();
      other.run_until_idle();  // the news lies with a loop that goes
    }
  }
  CHECK(memory.balanced());
}

TEST_CASE("RemoteTask: loops that await each other close while they do",
          "[remote][await][close][thread][real-time]") {
  AllocationCheck memory;
  for (int round = 0; round < 30; ++round) {
    LoopInThread one;
    LoopInThread two;
    // Who asks a loop that is closed already is told so, and nobody waits for him.
    for (EventLoop* loop : {&one.loop, &two.loop})
      loop->set_exception_handler([](const treadle::ErrorContext&) {});
    std::vector<RemoteTask<int>> tasks;
    for (int i = 0; i < 5; ++i) {
      tasks.push_back(run_coroutine_threadsafe(one.loop, ping_pong(one.loop, two.loop, 50)));
      tasks.push_back(run_coroutine_threadsafe(two.loop, ping_pong(two.loop, one.loop, 50)));
    }
    for (int spin = round % 8; spin > 0; --spin) std::this_thread::yield();
    (round % 2 == 0 ? one : two).end();
    two.end();
    one.end();
    // Both are closed before either goes: a task of the one that is still to end may turn to the other.
    two.loop.close();
    one.loop.close();
  }
  CHECK(memory.balanced());
}

}  // namespace test_remote_task
