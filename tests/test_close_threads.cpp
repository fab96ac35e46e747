// A loop that closes while other threads bring it work: each piece is run or destroyed, once, and who comes too late is
// told so.
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/descriptors.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/sleep.hpp"

namespace test_close_threads {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::LoopClosedError;
using treadle::run_coroutine_threadsafe;
using treadle::Sleep;
using treadle::Task;
using treadle::testing::AllocationCheck;
using treadle::testing::comes_to_sleep;
using treadle::testing::Counted;
using treadle::testing::DescriptorCheck;
using treadle::testing::in_thread;
using treadle::testing::Thread;
using treadle::testing::Threads;
using treadle::testing::Trace;

Coro<int> gives(int value, Counted = Counted()) { co_return value; }

/// How often a callback was run, and how often the object behind it was destroyed.
struct Fate {
  std::atomic<int> run = 0;
  std::atomic<int> gone = 0;
};

/// Counts its own end, once, wherever it was moved in between.
class Tracked {
 public:
  explicit Tracked(Fate& fate) : fate_(&fate) {}
  Tracked(Tracked&& other) noexcept : fate_(std::exchange(other.fate_, nullptr)) {}
  ~Tracked() {
    if (fate_ != nullptr) ++fate_->gone;
  }
  void operator()() const { ++fate_->run; }

 private:
  Fate* fate_;
};

/// Says what is thrown.
template <class F>
std::string says(F f) {
  try {
    f();
    return "nothing";
  } catch (const LoopClosedError& error) {
    return error.what();
  }
}

// ---- After the end

TEST_CASE("CloseThreads: a closed loop takes nothing on, whoever comes",
          "[close][thread][real-time]") {
  Counted::reset();
  EventLoop loop;
  loop.close();
  const Trace told = in_thread([&] {
    return Trace{
        says([&] { loop.call_soon([counted = Counted()] {}); }),
        says([&] { loop.call_soon_threadsafe([] {}); }),
        says([&] { loop.call_soon_threadsafe([counted = Counted()] {}); }),
        says([&] { loop.call_later(1s, [counted = Counted()] {}); }),
        says([&] { loop.create_task(gives(1)); }),
        says([&] { run_coroutine_threadsafe(loop, gives(1)); }),
        says([&] { loop.add_signal_handler(SIGUSR1, [counted = Counted()] {}); }),
    };
  });
  CHECK(told == Trace(7, "this loop is closed"));
  CHECK(Counted::live() == 0);
}

TEST_CASE("CloseThreads: a closed loop may be asked, stopped and closed by anybody",
          "[close][thread][real-time]") {
  EventLoop loop;
  loop.close();
  const bool right = in_thread([&] {
    loop.stop();
    loop.close();
    return loop.is_closed() && !loop.is_running() && !loop.remove_signal_handler(SIGUSR1);
  });
  CHECK(right);
}

TEST_CASE("CloseThreads: a loop may be closed by another thread than ran it",
          "[close][thread][real-time]") {
  EventLoop loop;
  const auto task = loop.create_task([]() -> Coro<> { co_await Sleep(1h); }());
  loop.run_until_idle();
  in_thread([&] { loop.close(); });
  CHECK(loop.is_closed());
  CHECK(task.cancelled());
}

TEST_CASE("CloseThreads: what was posted and has not run is destroyed by the close",
          "[close][thread][real-time]") {
  Fate fate;
  {
    EventLoop loop;
    in_thread([&] { loop.call_soon_threadsafe(Tracked(fate)); });
    loop.close();
    CHECK(fate.gone == 1);
  }
  CHECK(fate.run == 0);
  CHECK(fate.gone == 1);
}

TEST_CASE("CloseThreads: a destructor that posts while the loop closes is told, and nothing hangs",
          "[close][thread][real-time]") {
  std::atomic<int> told = 0;
  struct PostsInTheEnd {
    PostsInTheEnd(EventLoop& to, std::atomic<int>& count) : loop(&to), refused(count) {}
    PostsInTheEnd(PostsInTheEnd&& other) noexcept
        : loop(std::exchange(other.loop, nullptr)), refused(other.refused) {}
    ~PostsInTheEnd() {
      if (loop == nullptr) return;
      try {
        loop->call_soon_threadsafe([] {});
        loop->call_soon([text = std::string(50, 'x')] {});
      } catch (const LoopClosedError&) {
        ++refused;
      }
    }
    EventLoop* loop;
    std::atomic<int>& refused;
  };
  EventLoop loop;
  in_thread([&] {
    for (int i = 0; i < 3; ++i) loop.call_soon_threadsafe([posts = PostsInTheEnd(loop, told)] {});
  });
  loop.close();
  CHECK(told >= 0);
  CHECK(loop.is_closed());
}

// ---- Meanwhile

/// Runs and closes a loop while four threads do `act(loop, thread)` until it throws LoopClosedError; so many times over.
template <class Act>
void close_while(int rounds, Act act) {
  for (int round = 0; round < rounds; ++round) {
    EventLoop loop;
    std::atomic<int> refused = 0, busy = 0;
    Threads threads;
    threads.start_together(4, [&](int thread) {
      ++busy;
      try {
        for (;;) {
          for (int i = 0; i < 4; ++i) act(loop, thread);
          std::this_thread::sleep_for(10us);  // or they would bring more than the loop can do
        }
      } catch (const LoopClosedError&) {
        ++refused;
      }
    });
    while (busy < 4) std::this_thread::yield();
    for (int turn = 0; turn < 3 + round % 5; ++turn) loop.run_once();
    loop.close();
    threads.join();
    REQUIRE(refused == 4);
  }
}

TEST_CASE("CloseThreads: a callback posted while the loop closes is run or destroyed, or refused",
          "[close][thread][post][real-time]") {
  Fate fate;
  std::atomic<int> accepted = 0, refused = 0;
  AllocationCheck memory;
  const DescriptorCheck descriptors;
  close_while(30, [&](EventLoop& loop, int thread) {
    try {
      if (thread % 2 == 0)
        loop.call_soon_threadsafe(Tracked(fate));
      else
        loop.call_soon(Tracked(fate));
      ++accepted;
    } catch (const LoopClosedError&) {
      ++refused;
      throw;
    }
  });
  CHECK(fate.gone == accepted + refused);  // each once, and none is left
  CHECK(fate.run <= accepted);
  CHECK(memory.balanced());
  CHECK(descriptors.balanced());
}

TEST_CASE("CloseThreads: a task made while the loop closes ends, in whichever way",
          "[close][thread][task][real-time]") {
  Counted::reset();
  std::atomic<int> unfinished = 0, lost = 0;
  close_while(15, [&](EventLoop& loop, int) {
    auto remote = run_coroutine_threadsafe(loop, gives(7));
    try {
      if (remote.result() != 7) ++lost;
    } catch (const CancelledError&) {
      if (!remote.cancelled()) ++lost;
    }
    if (!remote.done()) ++unfinished;
  });
  CHECK(unfinished == 0);
  CHECK(lost == 0);
  CHECK(Counted::live() == 0);
}

TEST_CASE("CloseThreads: timers made and cancelled while the loop closes leave nothing",
          "[close][thread][call_later][real-time]") {
  Fate fate;
  std::atomic<int> made = 0;
  AllocationCheck memory;
  close_while(20, [&](EventLoop& loop, int thread) {
    ++made;
    auto handle = loop.call_later(1h, Tracked(fate));
    if (thread % 2 == 0) handle.cancel();
  });
  CHECK(fate.run == 0);
  CHECK(fate.gone == made);
  CHECK(memory.balanced());
}

TEST_CASE("CloseThreads: handles are asked and cancelled while their loop closes",
          "[close][thread][cancel][real-time]") {
  for (int round = 0; round < 40; ++round) {
    EventLoop loop;
    std::vector<Task<>> tasks;
    for (int i = 0; i < 20; ++i)
      tasks.push_back(loop.create_task([]() -> Coro<> { co_await Sleep(1h); }()));
    loop.run_until_idle();
    std::atomic<bool> begun = false;
    Threads threads;
    threads.start_together(3, [&](int thread) {
      begun = true;
      for (const auto& task : tasks) {
        task.cancel("from outside");
        static_cast<void>(task.cancelling());
        if (thread == 0) task.uncancel();
        if (thread == 1) static_cast<void>(task.waits_for());
        try {
          task.add_done_callback([counted = Counted()] {});
        } catch (const LoopClosedError&) {
          continue;  // it has come too late
        }
      }
    });
    while (!begun) std::this_thread::yield();
    loop.close();
    threads.join();
    for (const auto& task : tasks) REQUIRE(task.done());
  }
}

TEST_CASE("CloseThreads: stop() in the moment of the close harms nobody",
          "[close][thread][stop][real-time]") {
  const DescriptorCheck descriptors;
  for (int round = 0; round < 200; ++round) {
    EventLoop loop;
    Threads threads;
    threads.start_together(2, [&](int) { loop.stop(); });
    loop.run_forever();
    loop.close();
    threads.join();
  }
  CHECK(descriptors.balanced());
}

TEST_CASE("CloseThreads: who posts the end of a loop may still be at it when the loop is gone",
          "[close][thread][stop][real-time]") {
  Threads threads;
  for (int round = 0; round < 200; ++round) {
    EventLoop loop;
    threads.start([&loop] { loop.call_soon_threadsafe([&loop] { loop.stop(); }); });
    loop.run_forever();
  }
  threads.join();
}

TEST_CASE("CloseThreads: two threads close, and the loop is closed once",
          "[close][thread][real-time]") {
  for (int round = 0; round < 50; ++round) {
    EventLoop loop;
    std::atomic<int> cleaned = 0;
    const auto task = loop.create_task([](std::atomic<int>& count) -> Coro<> {
      try {
        co_await Sleep(1h);
      } catch (const CancelledError&) {
        ++count;
        throw;
      }
    }(cleaned));
    loop.run_until_idle();
    Threads threads;
    threads.start_together(2, [&](int) {
      try {
        loop.close();
      } catch (const InvalidStateError&) {
        return;  // the other one is at it
      }
    });
    threads.join();
    REQUIRE(loop.is_closed());
    REQUIRE(cleaned == 1);
  }
}

TEST_CASE("CloseThreads: a thread that waits for a result is told when the loop closes",
          "[close][thread][real-time]") {
  EventLoop loop;
  auto remote = run_coroutine_threadsafe(loop, []() -> Coro<int> {
    co_await Sleep(1h);
    co_return 1;
  }());
  loop.run_until_idle();
  std::string told;
  Thread asks([&] {
    try {
      remote.result();
    } catch (const CancelledError& error) {
      told = error.message();
    }
  });
  comes_to_sleep(asks.number());  // it waits
  loop.close();
  asks.join();
  CHECK(told == "cancelled because the loop closes");
}

}  // namespace test_close_threads
