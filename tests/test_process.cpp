// fork(2) and exit(3): what a child has of its parent's loops and pools, and how a process ends with both.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "testing/thread.hpp"
#include "treadle/process.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/run.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"

namespace test_process {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::LoopClosedError;
using treadle::note_process;
using treadle::process_number;
using treadle::run;
using treadle::run_in_thread;
using treadle::Sleep;
using treadle::ThreadPool;
using treadle::yield_now;
using treadle::testing::in_child;
using treadle::testing::LoopInThread;
using treadle::testing::Thread;

void say(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

/// Says how it ends.
struct Witness {
  explicit Witness(std::string who) : name(std::move(who)) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { say(name + " is destroyed"); }

  std::string name;
};

Coro<> waits(std::string name) {
  const Witness witness(name);
  try {
    co_await Sleep(1h);
  } catch (const CancelledError&) {
    say(name + " is cancelled");
  }
}

int seven() { return 7; }

Coro<int> job() { co_return co_await run_in_thread(seven); }

// Tells the parent, as a check in a child would not.
void is_refused(const std::function<void()>& f) {
  try {
    f();
    say("it is not refused");
  } catch (const LoopClosedError& error) {
    say(std::string(error.what()).substr(0, 34));
  }
}
constexpr std::string_view kRefused = "this loop was made before fork(2),\n";

std::string lines(int count, std::string_view line) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

// ---- A child of fork(2)

TEST_CASE("Process: each fork(2) counts", "[process][fork]") {
  const auto here = note_process();
  const auto ending = in_child([&] {
    say(process_number() == here + 1 ? "one more" : "wrong");
    say(in_child([&] { say(process_number() == here + 2 ? "two more" : "wrong"); }).said);
  });
  CHECK(ending.said == "one more\ntwo more\n\n");
  CHECK(process_number() == here);
}

TEST_CASE("Process: in a child the loop of its parent is closed, and says why", "[process][fork]") {
  EventLoop loop;
  const auto task = loop.create_task([]() -> Coro<> { co_await Sleep(1h); }());
  loop.run_until_idle();
  const auto ending = in_child([&] {
    is_refused([&] { loop.create_task(job()); });
    is_refused([&] { loop.call_soon([] {}); });
    is_refused([&] { loop.call_soon_threadsafe([] {}); });
    is_refused([&] { loop.call_later(1s, [] {}); });
    is_refused([&] { loop.add_signal_handler(SIGUSR1, [] {}); });
    is_refused([&] { loop.run_until_idle(); });
    is_refused([&] { loop.run_forever(); });
    is_refused([&] { loop.run_until_complete(job()); });
    loop.stop();
    task.cancel();
    say(loop.is_running() || task.done() ? "wrong" : "well");
  });
  CHECK(ending.said == lines(8, kRefused) + "well\n");
  CHECK(loop.run_until_complete([]() -> Coro<int> { co_return 3; }()) == 3);
}

TEST_CASE("Process: in a child the loop of its parent is asked without a lock",
          "[process][fork][real-time]") {
  // A thread that is always about to post may hold the mutex in the moment of the fork.
  LoopInThread other;
  std::atomic<bool> over = false;
  Thread poster([&] {
    while (!over) other.loop.call_soon_threadsafe([] {});
  });
  for (int i = 0; i < 20; ++i) {
    const auto ending = in_child([&] {
      is_refused([&] { other.loop.call_soon([] {}); });
      is_refused([&] { other.loop.run_once(); });
      other.loop.stop();
    });
    CHECK(ending.said == lines(2, kRefused));
  }
  over = true;
  poster.join();
}

TEST_CASE("Process: destroyed in a child, a loop destroys its tasks and runs nothing",
          "[process][fork]") {
  std::optional<EventLoop> loop(std::in_place);
  loop->create_task(waits("sleeper"));
  loop->run_until_idle();
  loop->create_task(waits("new"));
  loop->call_soon([] { say("a callback runs"); });
  const auto ending = in_child([&] {
    loop.reset();
    say("well");
  });
  CHECK(ending.said == "sleeper is destroyed\nwell\n");
}

TEST_CASE("Process: in a step of its parent's loop, a child may have a loop of its own",
          "[process][fork]") {
  EventLoop loop;
  const int status = loop.run_until_complete([]() -> Coro<int> {
    co_await yield_now();
    const pid_t child = ::fork();
    if (child == 0) {
      EventLoop own;
      ::_exit(own.run_until_complete([]() -> Coro<int> {
        co_await Sleep(1ms);
        co_return co_await run_in_thread([] { return 5; });
      }()));
    }
    int how = 0;
    ::waitpid(child, &how, 0);
    co_await yield_now();
    co_return how;
  }());
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 5);
}

TEST_CASE("Process: a child does not go on in its parent's loop", "[process][fork]") {
  const auto ending = in_child([] {
    EventLoop loop;
    const auto forks = []() -> Coro<> {
      const Witness witness("the frame");
      const pid_t child = ::fork();
      if (child > 0) {
        ::waitpid(child, nullptr, 0);
        co_return;
      }
      ::alarm(60);
      say("the child's step goes on");
      co_await yield_now();
      say("not reached");
    };
    try {
      loop.run_until_complete(forks());
      say("the parent is done");
    } catch (const LoopClosedError&) {
      say("the loop refuses");
    }
  });
  CHECK(ending.said ==
        "the child's step goes on\nthe loop refuses\nthe frame is destroyed\n"
        "the frame is destroyed\nthe parent is done\n");
}

TEST_CASE("Process: a child has the signals as they are by default, and the parent is not told",
          "[process][fork][signal]") {
  EventLoop loop;
  int told = 0;
  loop.add_signal_handler(SIGUSR1, [&] { ++told; });
  const auto ending = in_child([&] { ::raise(SIGUSR1); });
  CHECK(ending.signal == SIGUSR1);
  const auto own = in_child([&] {
    EventLoop mine;
    mine.add_signal_handler(SIGUSR1, [] { say("mine"); });
    ::raise(SIGUSR1);
    mine.run_until_idle();
  });
  CHECK(own.said == "mine\n");
  loop.run_until_idle();
  CHECK(told == 0);
  ::raise(SIGUSR1);
  loop.run_until_idle();
  CHECK(told == 1);
}

TEST_CASE("Process: the signals of a child's own loop outlive the parent's loop",
          "[process][fork][signal]") {
  std::optional<EventLoop> loop(std::in_place);
  loop->add_signal_handler(SIGUSR1, [] {});
  const auto ending = in_child([&] {
    EventLoop mine;
    mine.add_signal_handler(SIGUSR1, [] { say("mine"); });
    loop.reset();
    ::raise(SIGUSR1);
    mine.run_until_idle();
  });
  CHECK(ending.said == "mine\n");
}

// ---- Threads

TEST_CASE("Process: a child that leaves by exit() does not wait for its parent's threads",
          "[process][fork][pool][real-time]") {
  CHECK(run(job()) == 7);
  CHECK(in_child([] { std::exit(0); }).exit_code == 0);
}

TEST_CASE("Process: a child's pool begins anew, and does not do its parent's jobs",
          "[process][fork][pool][real-time]") {
  CHECK(run(job()) == 7);
  ThreadPool own(1);
  std::atomic<bool> go = false;
  std::atomic<int> ran = 0;
  LoopInThread other;
  const auto count = [&]() -> Coro<> {
    co_await run_in_thread(
        [&] {
          while (!go) std::this_thread::yield();
          ++ran;
        },
        own);
  };
  auto first = run_coroutine_threadsafe(other.loop, count());
  auto second = run_coroutine_threadsafe(other.loop, count());
  const auto ending = in_child([&] {
    go = true;
    say(std::to_string(run(job())));
    say(std::to_string(run([&]() -> Coro<int> {
      co_return co_await run_in_thread([&] { return ran.load(); }, own);
    }())));
    std::exit(0);
  });
  CHECK(ending.said == "7\n0\n");
  CHECK(ending.exit_code == 0);
  go = true;
  first.result();
  second.result();
  CHECK(ran == 2);
}

TEST_CASE("Process: a child that destroys its parent's pool waits for no thread",
          "[process][fork][pool][real-time]") {
  std::optional<ThreadPool> pool(std::in_place, 1);
  run([](ThreadPool& in) -> Coro<> { co_await run_in_thread(seven, in); }(*pool));
  const auto ending = in_child([&] {
    pool.reset();
    say("well");
  });
  CHECK(ending.said == "well\n");
}

TEST_CASE("Process: a child of a process with threads waits for threads of its own",
          "[process][fork][deadlock][real-time]") {
  CHECK(run(job()) == 7);
  const auto ending = in_child([] {
    std::atomic<bool> go = false;
    EventLoop loop;
    Thread other([&] {
      while (!go) std::this_thread::yield();
      std::this_thread::sleep_for(20ms);  // so that the loop mostly sleeps before this thread posts
      loop.call_soon([&] {
        say("stopped");
        loop.stop();
      });
    });
    loop.call_soon([&] { go = true; });
    loop.run_forever();  // it waits for this thread
  });
  CHECK(ending.said == "stopped\n");
}

TEST_CASE("Process: a job may end the pool that runs it", "[process][pool][real-time]") {
  auto pool = std::make_shared<ThreadPool>(2);
  ThreadPool& there = *pool;
  run([](std::shared_ptr<ThreadPool> last, ThreadPool& in) -> Coro<> {
    auto ends_it = [mine = std::move(last)]() mutable { mine.reset(); };
    co_await run_in_thread(std::move(ends_it), in);
  }(std::move(pool), there));
}

// ---- exit(3)

TEST_CASE("Process: a job may end the process", "[process][exit][pool][real-time]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      co_await run_in_thread([] {
        say("bad configuration");
        std::exit(2);
      });
    }());
  });
  CHECK(ending.said == "bad configuration\n");
  CHECK(ending.exit_code == 2);
}

TEST_CASE("Process: a task may end the process, whatever loop runs it", "[process][exit]") {
  const auto leave = []() -> Coro<> {
    const Witness witness("the frame");
    co_await yield_now();
    std::exit(3);
  };
  SECTION("one on the stack") {
    const auto ending = in_child([&] {
      EventLoop loop;
      loop.create_task(waits("another"));
      loop.run_until_complete(leave());
    });
    CHECK(ending.said.empty());
    CHECK(ending.exit_code == 3);
  }
  SECTION("a static one") {
    const auto ending = in_child([&] {
      static EventLoop loop;
      loop.create_task(waits("another"));
      loop.run_until_complete(leave());
    });
    CHECK(ending.said.empty());
    CHECK(ending.exit_code == 3);
  }
}

TEST_CASE("Process: a static loop that is destroyed by a task of another is a fault as ever",
          "[process][exit][check]") {
  const auto said = treadle::testing::said_in_dying([] {
    std::optional<EventLoop> loop(std::in_place);
    loop->call_soon([&] { loop.reset(); });
    loop->run_forever();
  });
  CHECK_THAT(said, ContainsSubstring("destroyed only when it is not running"));
}

TEST_CASE("Process: a static loop that closes at exit still has the pool",
          "[process][exit][pool][real-time]") {
  const auto ending = in_child([] {
    static EventLoop loop;  // before the pool is used
    loop.create_task([]() -> Coro<> {
      co_await run_in_thread([] {});
      loop.stop();
      try {
        co_await Sleep(1h);
      } catch (const CancelledError&) {
        say("cleans up");
      }
      co_await run_in_thread([] { say("in a thread"); });
      say("is clean");
    }());
    loop.run_forever();
    std::exit(0);
  });
  CHECK(ending.said == "cleans up\nin a thread\nis clean\n");
  CHECK(ending.exit_code == 0);
}

/// Made before any pool is, and so destroyed after it.
const struct Late {
  ~Late() {
    if (!wanted) return;
    static struct Nothing final : treadle::Runnable {
      void run() override {}
      void discard() noexcept override {}
    } nothing;
    try {
      ThreadPool::shared().submit(treadle::OwnedRunnable(&nothing));
    } catch (const InvalidStateError& error) {
      say(error.what());
    }
  }
  mutable bool wanted = false;
} late;

TEST_CASE("Process: what comes to the pool of the program after its end is refused",
          "[process][exit][pool][real-time]") {
  const auto ending = in_child([] {
    ThreadPool::shared();
    late.wanted = true;
    std::exit(0);
  });
  CHECK(ending.said == "the thread pool has ended\n");
  CHECK(ending.exit_code == 0);
}

}  // namespace test_process
