// Many threads that do everything to loops that open and close all the while. What may happen is left to chance here, and
// what must be true in the end is counted.
//
// How long it takes is set by TREADLE_STRESS: 1, as here, is for every day; 20 is millions of posts, which CI does under
// the thread sanitizer.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/descriptors.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"

namespace test_stress {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::LoopClosedError;
using treadle::RemoteTask;
using treadle::run_coroutine_threadsafe;
using treadle::run_in_thread;
using treadle::Sleep;
using treadle::Task;
using treadle::ThreadPool;
using treadle::TimeoutError;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::DescriptorCheck;
using treadle::testing::LoopInThread;
using treadle::testing::Threads;

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif
#else
constexpr bool kThreadSanitizer = false;
#endif

/// How many times as much as on every day.
int factor() {
  if (const char* asked = std::getenv("TREADLE_STRESS")) return std::max(1, std::atoi(asked));
  return kThreadSanitizer && std::getenv("CI") != nullptr ? 20 : 1;
}

/// Numbers that are as good as random, and the same each time.
class Dice {
 public:
  explicit Dice(int seed) : state_(static_cast<std::uint32_t>(seed) * 2654435761U + 1) {}
  int below(int end) {
    state_ = state_ * 1664525U + 1013904223U;
    return static_cast<int>((state_ >> 16) % static_cast<std::uint32_t>(end));
  }

 private:
  std::uint32_t state_;
};

/// Counts its own end, once, wherever it was moved in between.
class Tracked {
 public:
  explicit Tracked(std::atomic<int>& gone) : gone_(&gone) {}
  Tracked(Tracked&& other) noexcept : gone_(std::exchange(other.gone_, nullptr)) {}
  ~Tracked() {
    if (gone_ != nullptr) ++*gone_;
  }

 private:
  std::atomic<int>* gone_;
};

// ---- Asleep and awake

TEST_CASE("Stress: of all that is posted to a loop that keeps falling asleep, nothing is lost",
          "[stress][post][real-time]") {
  const int posts = std::min(1'000'000, 100'000 * factor());
  const int before = calls(Call::kWrite);
  std::atomic<int> ran = 0, polls = 0;
  int sleeps = 0;
  bool lost = false;
  {
    LoopInThread other;
    // With a deadline to wait for, it does not look round first whether anybody is left: it sleeps.
    const auto never = other.loop.call_later(1h, [] {});
    const auto small = [&ran, &polls] {
      polls = calls(Call::kPoll);
      ++ran;
    };
    Dice dice(1);
    for (int posted = 0; posted < posts && !lost;) {
      for (int left = std::min(1 + dice.below(16), posts - posted); left > 0; --left) {
        if (posted++ % 8 == 0)
          other.loop.call_soon([small, text = std::string(40, 'x')] { small(); });
        else
          other.loop.call_soon_threadsafe(small);
      }
      // The next posts meet it awake, or on its way to sleep, or asleep.
      const int chance = dice.below(4);
      if (chance > 0) lost = !comes_true([&] { return ran == posted; });
      if (chance == 1 && !lost) {
        lost = !comes_true([&] { return calls(Call::kPoll) > polls; });
        ++sleeps;
      }
    }
    lost = lost || !comes_true([&] { return ran == posts; });
  }
  const int wakeups = calls(Call::kWrite) - before;
  CHECK_FALSE(lost);
  CHECK(ran == posts);
  CHECK(sleeps > posts / 100);
  CHECK(wakeups >= sleeps);  // each sleeper is woken
}

// ---- Everything at once

/// A loop that is opened, run, stopped, run again and closed, again and again, while threads use it.
class Turmoil {
 public:
  static constexpr int kThreads = 8;

  /// What one thread does to whatever loop is there.
  void disturb(int thread, int acts) {
    Dice dice(thread);
    std::vector<Task<int>> mine;
    for (int done = 0; done < acts;) {
      const std::shared_ptr<EventLoop> loop = current();
      try {
        act(*loop, dice, mine);
        ++done;
      } catch (const LoopClosedError&) {
        ++refused;
        while (loop->is_closed() && current() == loop) std::this_thread::yield();
      }
      if (mine.size() > 20) mine.erase(mine.begin(), mine.begin() + 10);
      while (under_way > 4000) std::this_thread::yield();  // memory is not what this is about
    }
    ended.fetch_add(1);
    current()->stop();
  }

  void run() {
    while (ended < kThreads) {
      const auto loop = std::make_shared<EventLoop>();
      loop->set_exception_handler([this](const treadle::ErrorContext&) { ++errors; });
      {
        const std::lock_guard lock(mutex_);
        current_ = loop;
      }
      for (int run = 0; run < 4 && ended < kThreads; ++run) {
        const auto stops = loop->call_later(2ms, [&loop] { loop->stop(); });
        loop->run_forever();
      }
      loop->close(50ms);
      under_way = 0;
      ++loops;
    }
  }

  /// The last loop goes. Threads may hold others until they end.
  void end() {
    const std::lock_guard lock(mutex_);
    current_.reset();
  }

  std::shared_ptr<EventLoop> current() {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (current_) return current_;
      }
      std::this_thread::yield();
    }
  }

  std::atomic<int> posted = 0, ran = 0, refused = 0, under_way = 0, ended = 0, errors = 0,
                   thrown = 0;
  std::atomic<int> made = 0, gone = 0;
  std::atomic<int> tasks = 0, values = 0, cancelled = 0, late = 0;
  int loops = 0;

 private:
  static Coro<int> work(std::atomic<int>& failed, int kind, Counted) {
    const Counted local;
    if (kind == 0) co_await yield_now();
    if (kind == 1) co_await Sleep(20us);
    if (kind == 2) co_await Sleep(1h);
    if (kind == 3) {
      ++failed;
      throw std::runtime_error("no");
    }
    co_return kind;
  }

  void post(EventLoop& loop, bool large) {
    if (large) {
      ++made;
      loop.call_soon([this, tracked = Tracked(gone)] { ++ran, --under_way; });
    } else {
      loop.call_soon_threadsafe([this] { ++ran, --under_way; });
    }
    ++posted;
    ++under_way;
  }

  void act(EventLoop& loop, Dice& dice, std::vector<Task<int>>& mine) {
    const int chance = dice.below(100);
    if (chance < 60) {
      for (int i = 0; i < 6; ++i) post(loop, i == 0);
    } else if (chance < 72) {
      mine.push_back(loop.create_task(work(thrown, dice.below(5), Counted())));
      ++tasks;
    } else if (chance < 82 && !mine.empty()) {
      Task<int>& one = mine[static_cast<std::size_t>(dice.below(static_cast<int>(mine.size())))];
      one.cancel("as the dice say");
      if (dice.below(2) == 0) one.uncancel();
      static_cast<void>(one.done());
    } else if (chance < 90) {
      ++made;
      auto handle = loop.call_later(dice.below(100) * 1us, [tracked = Tracked(gone)] {});
      if (dice.below(2) == 0) handle.cancel();
    } else if (chance < 94) {
      ask(loop, dice);
    } else if (chance < 97 && !mine.empty()) {
      ++made;
      mine.back().add_done_callback([tracked = Tracked(gone)] {});
    } else if (chance < 98 && !mine.empty()) {
      static_cast<void>(mine.back().waits_for());
    } else if (chance < 99) {
      ++made;
      auto handle = loop.call_soon([tracked = Tracked(gone)] {});
      handle.cancel();
    } else {
      loop.stop();
    }
  }

  void ask(EventLoop& loop, Dice& dice) {
    const auto remote = run_coroutine_threadsafe(loop, work(thrown, dice.below(3), Counted()));
    try {
      remote.result(50us);
      ++values;
    } catch (const TimeoutError&) {
      ++late;
      remote.cancel();
    } catch (const CancelledError&) {
      ++cancelled;
    }
  }

  std::mutex mutex_;
  std::shared_ptr<EventLoop> current_;
};

TEST_CASE("Stress: eight threads do everything to loops that open and close all the while",
          "[stress][real-time]") {
  Counted::reset();
  std::string figures(200, ' ');
  const AllocationCheck memory;
  const DescriptorCheck descriptors;
  {
    Turmoil turmoil;
    Threads threads;
    const int acts = 10'000 * factor();
    threads.start_together(Turmoil::kThreads, [&](int thread) { turmoil.disturb(thread, acts); });
    turmoil.run();
    turmoil.end();
    threads.join();
    CHECK(turmoil.posted > acts);
    CHECK(turmoil.ran <= turmoil.posted);  // what a close has dropped was not run
    CHECK(turmoil.ran > 0);
    CHECK(turmoil.gone == turmoil.made);  // each once
    CHECK(turmoil.errors <= turmoil.thrown);
    CHECK(turmoil.loops >= 1);
    figures.assign(std::to_string(turmoil.posted) + " posts, " + std::to_string(turmoil.refused) +
                   " refused, " + std::to_string(turmoil.tasks) + " tasks, " +
                   std::to_string(turmoil.late) + " late, " + std::to_string(turmoil.loops) +
                   " loops");
  }
  CHECK(Counted::live() == 0);
  const bool balanced = memory.balanced();
  INFO(figures);
  CHECK(balanced);
  CHECK(descriptors.balanced());
}

// ---- Loops among themselves

Coro<int> wander(std::vector<EventLoop*> loops, int seed, int hops) {
  const Counted local;
  if (hops == 0) co_return 0;
  Dice dice(seed);
  const int next = dice.below(1 << 14);
  EventLoop& there = *loops[static_cast<std::size_t>(next) % loops.size()];
  const int rest = co_await run_coroutine_threadsafe(there, wander(loops, next, hops - 1));
  co_return rest + 1;
}

TEST_CASE("Stress: tasks wander between four loops, and some are cancelled",
          "[stress][remote][real-time]") {
  Counted::reset();
  int whole = 0, cancelled = 0, wrong = 0;
  const int rounds = 20 * factor();
  {
    LoopInThread a, b, c, d;
    const std::vector<EventLoop*> loops{&a.loop, &b.loop, &c.loop, &d.loop};
    for (int round = 0; round < rounds; ++round) {
      std::vector<RemoteTask<int>> tasks;
      for (int i = 0; i < 20; ++i)
        tasks.push_back(run_coroutine_threadsafe(*loops[static_cast<std::size_t>(i) % 4],
                                                 wander(loops, round * 20 + i, 20)));
      for (std::size_t i = 0; i < tasks.size(); i += 3) tasks[i].cancel("enough");
      for (const auto& task : tasks) {
        try {
          ++(task.result() == 20 ? whole : wrong);
        } catch (const CancelledError&) {
          ++cancelled;
        }
      }
    }
    REQUIRE(comes_true(
        [] { return Counted::live() == 0; }));  // who was left alone has wandered on, to the end
  }
  CHECK(wrong == 0);
  CHECK(whole + cancelled == rounds * 20);
  CHECK(whole >= rounds * 13);
}

TEST_CASE("Stress: jobs in threads, cancelled or not, for loops that close or not",
          "[stress][run_in_thread][real-time]") {
  Counted::reset();
  std::atomic<int> ran = 0, woken = 0;
  const int rounds = 20 * factor();
  {
    ThreadPool pool(4);
    Threads threads;
    threads.start_together(2, [&](int thread) {
      Dice dice(thread);
      for (int round = 0; round < rounds; ++round) {
        EventLoop loop;
        std::vector<Task<>> tasks;
        for (int i = 0; i < 30; ++i) {
          tasks.push_back(loop.create_task(
              [](ThreadPool& jobs, std::atomic<int>& count, std::atomic<int>& heard) -> Coro<> {
                auto job = [&count, counted = Counted()] { ++count; };
                co_await run_in_thread(std::move(job), jobs);
                ++heard;
              }(pool, ran, woken)));
        }
        loop.run_once();
        for (const auto& task : tasks)
          if (dice.below(3) == 0) task.cancel();
        if (dice.below(3) > 0) {
          for (const auto& task : tasks) loop.run_until_done(task);
        }
      }
    });
    threads.join();
  }
  CHECK(woken > 0);
  CHECK(ran >= woken);
  CHECK(ran <= rounds * 60);
  CHECK(Counted::live() == 0);
}

}  // namespace test_stress
