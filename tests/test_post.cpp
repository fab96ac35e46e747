// Callbacks that other threads leave with a loop: in order, none lost, and the sleeper is woken.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "treadle/sleep.hpp"

namespace test_post {

using namespace std::chrono_literals;
using treadle::Coro;
using treadle::EventLoop;
using treadle::Sleep;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::LoopInThread;
using treadle::testing::Threads;
using treadle::testing::Trace;

// ---- To a loop that nobody runs

TEST_CASE_METHOD(LoopFixture, "Post: to a loop that nobody runs it runs nothing, and lies ready",
                 "[post][thread][real-time]") {
  in_thread([this] { loop.call_soon_threadsafe([this] { note("posted"); }); });
  CHECK(trace.empty());
  run_until_idle();
  CHECK(trace == Trace{"posted"});
}

TEST_CASE_METHOD(LoopFixture, "Post: to a loop that nobody runs, several threads may at once",
                 "[post][thread][real-time]") {
  int ran = 0;
  Threads threads;
  threads.start_together(4, [&](int) {
    for (int i = 0; i < 500; ++i) loop.call_soon_threadsafe([&ran] { ++ran; });
  });
  threads.join();
  run_until_idle();
  CHECK(ran == 2000);
}

// ---- To a loop that runs

TEST_CASE("Post: a callback runs on the thread that runs the loop, and after the post",
          "[post][thread][real-time]") {
  LoopInThread other;
  std::vector<int> written;  // no lock: the post orders it
  std::thread::id ran_on;
  std::atomic<bool> ran = false;
  written.assign(100, 7);
  other.loop.call_soon_threadsafe([&] {
    ran_on = std::this_thread::get_id();
    written.push_back(8);
    ran = true;
  });
  REQUIRE(comes_true([&] { return ran.load(); }));
  CHECK(ran_on != std::this_thread::get_id());
  CHECK(written.size() == 101);
}

TEST_CASE("Post: those of one thread run in the order of its calls",
          "[post][thread][fair][real-time]") {
  constexpr int kPosters = 4, kPosts = 2000;
  std::vector<std::pair<int, int>> ran;  // poster, number
  {
    LoopInThread other;
    Threads threads;
    threads.start_together(kPosters, [&](int poster) {
      for (int i = 0; i < kPosts; ++i)
        other.loop.call_soon_threadsafe([&ran, poster, i] { ran.emplace_back(poster, i); });
    });
    threads.join();
    std::atomic<bool> all = false;
    other.loop.call_soon_threadsafe([&] { all = true; });
    REQUIRE(comes_true([&] { return all.load(); }));
  }
  REQUIRE(ran.size() == std::size_t{kPosters} * kPosts);
  std::vector<int> next(kPosters, 0);
  bool in_order = true;
  for (const auto& [poster, number] : ran)
    in_order = in_order && number == next[static_cast<std::size_t>(poster)]++;
  CHECK(in_order);
}

TEST_CASE("Post: small callbacks and large ones, with a handle or none, run in order",
          "[post][thread][fair][real-time]") {
  std::vector<int> ran, in_order;
  std::atomic<bool> all = false;
  LoopInThread other;
  const std::string large(100, 'x');
  for (int i = 0; i < 3000; ++i) {
    const auto small = [&ran, i] { ran.push_back(i); };
    const int kind = i / 3 % 3;
    if (kind == 0) other.loop.call_soon_threadsafe(small);
    if (kind == 1) other.loop.call_soon(small);
    if (kind == 2) other.loop.call_soon_threadsafe([large, small] { small(); });
    in_order.push_back(i);
  }
  other.loop.call_soon_threadsafe([&] { all = true; });
  REQUIRE(comes_true([&] { return all.load(); }));
  CHECK(ran == in_order);
}

TEST_CASE("Post: a loop that sleeps is woken, each time", "[post][thread][wakeup][real-time]") {
  LoopInThread other;
  std::atomic<int> ran = 0;
  // With a deadline to wait for, it does not look round first whether anybody is left: it sleeps.
  const auto never = other.loop.call_later(1h, [] {});
  constexpr int kTimes = 500;
  std::atomic<int> polls = 0;
  int writes = 0;
  for (int i = 1; i <= kTimes; ++i) {
    const int before = calls(Call::kWrite);
    other.loop.call_soon_threadsafe([&] {
      polls = calls(Call::kPoll);
      ++ran;
    });
    // Until it sleeps again, or is about to.
    REQUIRE(comes_true([&] { return ran == i && calls(Call::kPoll) > polls; }));
    if (i > 1) writes += calls(Call::kWrite) - before;
  }
  CHECK(writes == kTimes - 1);  // the first may have come before it slept
}

TEST_CASE_METHOD(LoopFixture, "Post: a loop that is awake costs no write to the wake-up",
                 "[post][thread][wakeup][real-time]") {
  int ran = 0, writes = -1;
  loop.call_soon([&] {
    const int before = calls(Call::kWrite);
    in_thread([&] {
      for (int i = 0; i < 1000; ++i) loop.call_soon_threadsafe([&ran] { ++ran; });
    });
    writes = calls(Call::kWrite) - before;
  });
  run_until_idle();
  CHECK(writes == 0);
  CHECK(ran == 1000);
}

TEST_CASE_METHOD(LoopFixture,
                 "Post: what comes before the loop falls asleep keeps it awake, and costs no write",
                 "[post][thread][wakeup][real-time]") {
  int ran = 0, writes = -1;
  const int before = calls(Call::kWrite);
  loop.call_soon([&] {
    in_thread([&] {
      for (int i = 0; i < 10; ++i) loop.call_soon_threadsafe([&ran] { ++ran; });
      loop.call_soon_threadsafe([&] {
        writes = calls(Call::kWrite) - before;
        loop.stop();
      });
    });
  });
  loop.run_forever();
  CHECK_FALSE(hung());
  CHECK(ran == 10);
  CHECK(writes == 0);
}

TEST_CASE_METHOD(LoopFixture, "Post: what is posted in a turn runs in a turn after it",
                 "[post][thread][turn][real-time]") {
  loop.call_soon([this] {
    in_thread([this] { loop.call_soon_threadsafe([this] { note("posted"); }); });
    note("still in the turn");
  });
  loop.call_soon([this] { note("ready before"); });
  run_until_idle();
  CHECK(trace == Trace{"still in the turn", "ready before", "posted"});
}

TEST_CASE_METHOD(LoopFixture,
                 "Post: what comes in the last turn runs first when the loop runs again",
                 "[post][thread][turn][real-time]") {
  loop.call_soon([this] {
    loop.stop();
    in_thread([this] { loop.call_soon_threadsafe([this] { note("in the last turn"); }); });
  });
  loop.run_forever();
  CHECK(trace.empty());
  in_thread([this] { loop.call_soon_threadsafe([this] { note("while nobody ran it"); }); });
  run_until_idle();
  CHECK(trace == Trace{"in the last turn", "while nobody ran it"});
}

TEST_CASE_METHOD(LoopFixture, "Post: on the loop's own thread it is call_soon", "[post][turn]") {
  loop.call_soon([this] {
    loop.call_soon_threadsafe([this] { note("second"); });
    loop.call_soon([this] { note("third"); });
    note("first");
  });
  run_until_idle();
  CHECK(trace == Trace{"first", "second", "third"});
}

// ---- What it may be, and what becomes of it

struct MovableOnly {
  explicit MovableOnly(std::atomic<int>& number) noexcept : ran(&number) {}
  MovableOnly(MovableOnly&&) = default;
  MovableOnly& operator=(MovableOnly&&) = default;
  void operator()() const { ++*ran; }

  std::atomic<int>* ran;
};
static_assert(std::is_trivially_copyable_v<MovableOnly>);  // and yet it has no copy

TEST_CASE("Post: a callback that is trivially copied may be movable only",
          "[post][thread][real-time]") {
  LoopInThread other;
  std::atomic<int> ran = 0;
  other.loop.call_soon_threadsafe(MovableOnly(ran));
  other.loop.call_soon(MovableOnly(ran));
  other.loop.call_soon_threadsafe([token = MovableOnly(ran)] { token(); });
  CHECK(comes_true([&] { return ran == 3; }));
}

TEST_CASE("Post: a callback may be movable only", "[post][thread][real-time]") {
  std::string got;
  {
    LoopInThread other;
    std::atomic<bool> ran = false;
    other.loop.call_soon_threadsafe([&, word = std::make_unique<std::string>("moved")]() mutable {
      got = *std::move(word);
      ran = true;
    });
    REQUIRE(comes_true([&] { return ran.load(); }));
  }
  CHECK(got == "moved");
}

TEST_CASE("Post: what it captured is destroyed when it has run, on the loop's thread",
          "[post][thread][lifetime][real-time]") {
  /// Says where it goes.
  struct SaysWhere {
    explicit SaysWhere(std::atomic<std::thread::id>& place) : where(&place) {}
    SaysWhere(SaysWhere&& from) noexcept : where(std::exchange(from.where, nullptr)) {}
    ~SaysWhere() {
      if (where != nullptr) *where = std::this_thread::get_id();
    }
    std::atomic<std::thread::id>* where;
  };
  std::atomic<std::thread::id> destroyed_on = std::thread::id();
  std::atomic<std::thread::id> ran_on = std::thread::id();
  LoopInThread other;
  const auto handle = other.loop.call_soon(
      [&ran_on, says = SaysWhere(destroyed_on)] { ran_on = std::this_thread::get_id(); });
  REQUIRE(comes_true([&] { return destroyed_on.load() != std::thread::id(); }));
  CHECK(destroyed_on.load() == ran_on.load());
  CHECK(destroyed_on.load() != std::this_thread::get_id());
}

TEST_CASE("Post: what it throws goes to the exception handler, and the loop goes on",
          "[post][thread][errors][real-time]") {
  LoopInThread other;
  std::string told;
  std::atomic<bool> next = false;
  other.loop.set_exception_handler(
      [&](const treadle::ErrorContext& context) { told = describe(context); });
  other.loop.call_soon_threadsafe([] { throw std::runtime_error("no"); });
  other.loop.call_soon_threadsafe([&] { next = true; });
  REQUIRE(comes_true([&] { return next.load(); }));
  CHECK(told == "a callback failed: no");
}

// ---- Nobody starves

TEST_CASE("Post: one that posts itself again and again starves nobody",
          "[post][thread][fair][real-time]") {
  bool over = false;
  std::size_t rounds = 0;
  EventLoop loop;
  struct Again {
    EventLoop& loop;
    bool& over;
    std::size_t& rounds;
    void operator()() const {
      ++rounds;
      if (!over) loop.call_soon_threadsafe(*this);
    }
  };
  loop.call_soon(Again{loop, over, rounds});
  bool timer = false, posted = false;
  loop.call_later(1ms, [&] { timer = true; });
  Threads threads;
  threads.start([&] { loop.call_soon_threadsafe([&] { posted = true; }); });
  loop.run_until_complete([](bool& timer_fired, bool& was_posted) -> Coro<> {
    while (!timer_fired || !was_posted) co_await yield_now();
    co_await Sleep(1ms);
  }(timer, posted));
  over = true;
  CHECK(rounds > 1);
}

TEST_CASE("Post: threads that post without end starve neither timers nor tasks",
          "[post][thread][fair][real-time]") {
  EventLoop loop;
  std::atomic<bool> over = false;
  std::atomic<int> under_way = 0;
  Threads threads;
  threads.start_together(2, [&](int) {
    while (!over) {
      if (under_way > 500) {
        std::this_thread::yield();  // memory is not what this is about
        continue;
      }
      ++under_way;
      loop.call_soon_threadsafe([&] { --under_way; });
    }
  });
  loop.run_until_complete([]() -> Coro<> {
    for (int i = 0; i < 20; ++i) {
      co_await Sleep(100us);
      co_await yield_now();
    }
  }());
  over = true;
  threads.join();
  loop.run_until_idle();
  CHECK(under_way == 0);
}

TEST_CASE(
    "Post: of several that lie together, one that throws keeps none of the others from running",
    "[post][thread][errors][real-time]") {
  EventLoop loop;
  int ran = 0, told = 0;
  loop.set_exception_handler([&](const treadle::ErrorContext&) { ++told; });
  loop.call_soon([&] {
    in_thread([&] {
      for (int i = 0; i < 9; ++i) {
        loop.call_soon_threadsafe([&ran, i] {
          ++ran;
          if (i % 4 == 0) throw std::runtime_error("no");
        });
      }
    });
  });
  loop.run_until_idle();
  CHECK(ran == 9);
  CHECK(told == 3);
}

TEST_CASE("Post: it leaves no memory behind", "[post][thread][lifetime][real-time]") {
  {
    LoopInThread warm;  // what a first thread allocates for good
  }
  AllocationCheck memory;
  {
    LoopInThread other;
    std::atomic<int> ran = 0;
    for (int i = 0; i < 100; ++i)
      other.loop.call_soon_threadsafe([&ran, text = std::string(100, 'x')] { ++ran; });
    REQUIRE(comes_true([&] { return ran == 100; }));
  }
  CHECK(memory.balanced());
}

}  // namespace test_post
