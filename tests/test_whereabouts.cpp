#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "treadle/recycle.hpp"
#include "treadle/sleep.hpp"
#include "treadle/task_tree.hpp"

namespace test_whereabouts {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::LoopObserver;
using treadle::Sleep;
using treadle::StackEntry;
using treadle::Task;
using treadle::task_tree;
using treadle::WaitReason;
using treadle::yield_now;
using treadle::testing::comes_true;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::Thread;
using treadle::testing::Threads;
using treadle::testing::Trace;
namespace heap = treadle::testing::heap;

// The lines of the co_awaits below, so that the tests need not count them.
class Kitchen {
 public:
  static constexpr unsigned kSimmer = __LINE__ + 2;
  Coro<int> simmer(int minutes) {
    co_await Sleep(1h * minutes);
    co_return minutes;
  }

  static constexpr unsigned kFirst = __LINE__ + 2;
  Coro<> cook() {
    (void)co_await simmer(1);
    const int minutes = co_await simmer(2);
    (void)minutes;
  }
};

constexpr unsigned kServe = __LINE__ + 1;
Coro<> serve(Kitchen& kitchen) { co_await kitchen.cook(); }

Coro<> sleeps() { co_await Sleep(1h); }
Coro<> joins(Task<> task) { co_await task; }
Coro<> leaf() { co_await yield_now(); }
Coro<int> middle() {
  co_await leaf();
  co_await leaf();
  co_return 3;
}

std::vector<unsigned> lines(const AnyTask& task) {
  std::vector<unsigned> all;
  for (const StackEntry& entry : task.stack()) all.push_back(entry.line);
  return all;
}

// ---- Stacks and trees

TEST_CASE_METHOD(LoopFixture, "Whereabouts: a stack follows its task from line to line",
                 "[stack]") {
  Kitchen kitchen;
  const auto task = loop.create_task(serve(kitchen));
  run_until_idle();
  CHECK(lines(task) == std::vector<unsigned>{kServe, Kitchen::kFirst, Kitchen::kSimmer});
  CHECK(task.stack()[1].function == "test_whereabouts::Kitchen::cook");
  advance(1h);
  CHECK(lines(task) == std::vector<unsigned>{kServe, Kitchen::kFirst + 1, Kitchen::kSimmer});
  run_to_end();
  CHECK(task.stack().empty());
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: of a task that was cancelled no chain is left to see",
                 "[stack]") {
  const auto task = loop.create_task(sleeps());
  run_until_idle();
  task.cancel();
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(task.stack().size() <= 1);  // at most where the CancelledError came from
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: all who wait for one task are named", "[tree]") {
  const auto slow = loop.create_task(sleeps(), "slow");
  for (const char* name : {"a", "b", "c"}) loop.create_task(joins(slow), name);
  run_until_idle();
  const std::string tree = task_tree(loop);
  CHECK_THAT(tree, ContainsSubstring("also awaited by b, c\n"));
  CHECK_THAT(tree, ContainsSubstring("\nb: suspended, waits for slow\n") &&
                       ContainsSubstring("\nc: suspended, waits for slow\n"));
  std::size_t seen = 0;
  for (std::size_t at = tree.find("see above"); at != tree.npos;
       at = tree.find("see above", at + 1))
    ++seen;
  CHECK(seen == 2);
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: a circle of three, and one who waits outside of it",
                 "[tree]") {
  std::vector<Task<>> tasks;
  const auto wait_for = [](std::vector<Task<>>& all, std::size_t other) -> Coro<> {
    co_await yield_now();
    co_await all[other];
  };
  for (std::size_t i = 0; i < 3; ++i)
    tasks.push_back(loop.create_task(wait_for(tasks, (i + 1) % 3), std::string(1, "abc"[i])));
  loop.create_task(joins(tasks[0]), "outside");
  run_until_idle();
  const std::string tree = task_tree(loop);
  CHECK(tree.starts_with("outside: suspended, waits for a\n"));
  CHECK_THAT(tree,
             ContainsSubstring("└─ a: is the one above, they wait for each other in a circle"));
}

TEST_CASE("Whereabouts: of a closed loop there is nobody to be seen", "[tree]") {
  EventLoop loop;
  const auto task = loop.create_task(sleeps());
  loop.close();
  CHECK(loop.all_tasks().empty());
  CHECK(task_tree(loop) == "the loop is closed\n");
  CHECK(task.metrics().state == "cancelled");
}

// Calls `f` when it is destroyed, once.
template <class F>
class WhenDestroyed {
 public:
  explicit WhenDestroyed(F f) : f_(std::move(f)) {}
  WhenDestroyed(WhenDestroyed&& other) noexcept
      : f_(other.f_), live_(std::exchange(other.live_, false)) {}
  WhenDestroyed& operator=(WhenDestroyed&&) = delete;
  ~WhenDestroyed() {
    if (live_) f_();
  }

 private:
  F f_;
  bool live_ = true;
};

TEST_CASE("Whereabouts: a loop that closes shows a task when it has been destroyed, and not before",
          "[tree][thread][close][real-time]") {
  std::atomic<bool> closing = false, posted = false, refuses = false, asks = false;
  std::size_t entries = 99;
  std::string state;
  EventLoop loop;
  // The first is destroyed while the loop still takes posts; the second is posted then, and destroyed
  // when it takes none any more. Behind that is the task.
  loop.call_soon([gate = WhenDestroyed([&] {
                    closing = true;
                    comes_true([&] { return posted.load(); });
                  })] {});
  Thread other([&] {
    comes_true([&] { return closing.load(); });
    loop.call_soon([gate = WhenDestroyed([&] {
                      refuses = true;
                      comes_true([&] { return asks.load(); });
                      // So that it probably asks before the task is destroyed; the law holds anyway.
                      std::this_thread::sleep_for(20ms);
                    })] {});
    const Task<> task = loop.create_task(sleeps());
    posted = true;
    comes_true([&] { return refuses.load(); });
    asks = true;
    entries = task.stack().size();
    state = task.metrics().state;
  });
  loop.close();
  other.join();
  CHECK(entries == 0);
  CHECK(state == "cancelled");
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: a task may ask who else is there", "[tree]") {
  loop.create_task(sleeps(), "other");
  std::string seen;
  loop.create_task(
      [](EventLoop& own, std::string& names) -> Coro<> {
        for (const AnyTask& task : own.all_tasks()) names += task.name() + " ";
        names += task_tree(own).substr(0, 5);
        co_return;
      }(loop, seen),
      "asker");
  run_until_idle();
  CHECK(seen == "other asker other");
}

// ---- Names and what is remembered

TEST_CASE("Whereabouts: no two tasks of a process have one number", "[names][thread][real-time]") {
  constexpr int kThreads = 4, kEach = 200;
  std::vector<std::vector<treadle::TaskBlock::Id>> ids(kThreads);
  Threads threads;
  threads.start_together(kThreads, [&](int which) {
    EventLoop loop;
    for (int i = 0; i < kEach; ++i)
      ids[static_cast<std::size_t>(which)].push_back(loop.create_task(leaf()).id());
    loop.run_until_idle();
  });
  threads.join();
  std::set<treadle::TaskBlock::Id> all;
  for (const auto& some : ids) {
    CHECK(std::is_sorted(some.begin(), some.end()));
    all.insert(some.begin(), some.end());
  }
  CHECK(all.size() == std::size_t{kThreads} * kEach);
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: errors of use name the task, too", "[names]") {
  const auto task = loop.create_task(sleeps(), "reader");
  CHECK_THROWS_WITH(task.result(), ContainsSubstring("reader has no result yet"));
  const auto self = loop.create_task(
      []() -> Coro<> {
        const AnyTask me = co_await treadle::get_current_task();
        co_await me.finished();
      }(),
      "snake");
  run_until_idle();
  CHECK_THROWS_WITH(self.result(), ContainsSubstring("snake cannot wait for itself"));
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: a deadlock names who waits, and for whom", "[names]") {
  std::vector<Task<>> tasks;
  const auto wait_for = [](std::vector<Task<>>& all, std::size_t other) -> Coro<> {
    co_await yield_now();
    co_await all[other];
  };
  tasks.push_back(loop.create_task(wait_for(tasks, 1), "hen"));
  tasks.push_back(loop.create_task(wait_for(tasks, 0), "egg"));
  CHECK_THROWS_WITH(loop.run_forever(), ContainsSubstring("hen waits for egg") &&
                                            ContainsSubstring("egg waits for hen"));
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: another thread gets a value as it was put in",
                 "[context][thread][real-time]") {
  const auto task = loop.create_task(sleeps(), "reader");
  task.add_context("user_id", 12345);
  CHECK(in_thread([&] { return task.context<int>("user_id"); }) == 12345);
  CHECK_FALSE(in_thread([&] { return task.context<int>("nobody"); }));
  CHECK_THROWS_AS(in_thread([&] { return task.context<std::string>("user_id"); }),
                  InvalidStateError);
  in_thread([&] { task.add_context("user_id", "alice"); });
  CHECK(task.context<std::string>("user_id") == "alice");
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: a main program's task knows the line, as others do",
                 "[names]") {
  unsigned line = 0;
  const auto main = [](unsigned& at) -> Coro<> {
    at = (co_await treadle::get_current_task()).created_at().line();
  };
  loop.run_until_complete(main(line));
  CHECK(line == __LINE__ - 1);
}

// ---- Observers

class Recorder : public LoopObserver {
 public:
  explicit Recorder(Trace& trace) : trace_(trace) {}

  void on_create(const AnyTask& task) override { add("create " + task.name()); }
  void on_resume(const AnyTask& task) override { add("resume " + task.name()); }
  void on_suspend(const AnyTask& task, WaitReason) override { add("suspend " + task.name()); }
  void on_wake(const AnyTask& task, const AnyTask& by) override {
    add("wake " + task.name() + (by ? " by " + by.name() : ""));
  }
  void on_cancel(const AnyTask& task) override { add("cancel " + task.name()); }
  void on_finish(const AnyTask& task) override { add("finish " + task.name()); }
  void on_turn(std::size_t ready) override { add("turn " + std::to_string(ready)); }
  void on_poll(bool waited, std::chrono::nanoseconds) override { add(waited ? "wait" : "poll"); }

 private:
  void add(std::string line) { trace_.push_back(std::move(line)); }

  Trace& trace_;
};

TEST_CASE_METHOD(LoopFixture, "Whereabouts: an observer hears the whole of it, in order",
                 "[observer]") {
  Recorder recorder(trace);
  loop.add_observer(recorder);
  const auto a = loop.create_task(sleeps(), "a");
  loop.create_task(joins(a), "b");
  run_to_end();
  loop.remove_observer(recorder);
  CHECK(trace == Trace{"create a", "create b", "poll", "turn 2", "resume a", "suspend a",
                       "resume b", "suspend b", "wait", "wake a", "turn 1", "resume a", "finish a",
                       "wake b by a", "poll", "turn 1", "resume b", "finish b"});
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: who comes late hears of a task from there on",
                 "[observer]") {
  Recorder recorder(trace);
  loop.create_task(sleeps(), "a");
  run_until_idle();
  loop.add_observer(recorder);
  CHECK(trace.empty());
  run_to_end();
  loop.remove_observer(recorder);
  CHECK(trace == Trace{"wait", "wake a", "turn 1", "resume a", "finish a"});
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: who is added in a hook hears what comes next",
                 "[observer]") {
  Recorder recorder(trace);
  class Adds : public LoopObserver {
   public:
    Adds(EventLoop& loop, LoopObserver& other) : loop_(loop), other_(other) {}
    void on_create(const AnyTask&) override {
      loop_.remove_observer(*this);
      loop_.add_observer(other_);
    }

   private:
    EventLoop& loop_;
    LoopObserver& other_;
  } adds(loop, recorder);
  loop.add_observer(adds);
  loop.create_task(sleeps(), "a");
  CHECK(trace.empty());
  loop.create_task(sleeps(), "b");
  CHECK(trace == Trace{"create b"});
  loop.remove_observer(recorder);
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: who is removed in another's hook is not told any more",
                 "[observer]") {
  Recorder recorder(trace);
  class Removes : public LoopObserver {
   public:
    Removes(EventLoop& loop, LoopObserver& other) : loop_(loop), other_(other) {}
    void on_create(const AnyTask&) override { loop_.remove_observer(other_); }

   private:
    EventLoop& loop_;
    LoopObserver& other_;
  } removes(loop, recorder);
  loop.add_observer(removes);
  loop.add_observer(recorder);
  loop.create_task(sleeps(), "a");
  run_to_end();
  CHECK(trace.empty());
  loop.remove_observer(removes);
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: the last observer to throw leaves the loop unwatched",
                 "[observer]") {
  class Broken : public LoopObserver {
   public:
    void on_finish(const AnyTask&) override { throw std::runtime_error("cannot look"); }
  } first, second;
  loop.add_observer(first);
  loop.add_observer(second);
  loop.create_task(leaf());
  loop.create_task(leaf());
  run_to_end();
  const std::string said = "an observer failed, and is not called any more: cannot look";
  CHECK(errors == Trace{said, said});
  CHECK(loop.metrics().tasks_finished == 2);
}

// ---- Memory

TEST_CASE("Whereabouts: nothing is recycled under a sanitizer", "[recycle]") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  treadle::give_back_recycled(treadle::take_recycled(64), 64);
  CHECK(treadle::recycle_statistics().resting == 0);
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  treadle::give_back_recycled(treadle::take_recycled(64), 64);
  CHECK(treadle::recycle_statistics().resting == 0);
#endif
#endif
}

TEST_CASE_METHOD(LoopFixture, "Whereabouts: chains, joins and sleeps cost no memory once warm",
                 "[recycle]") {
  treadle::give_back_recycled(treadle::take_recycled(64), 64);
  if (treadle::recycle_statistics().resting == 0) return;  // off
  const auto program = [](EventLoop& own) -> Coro<int> {
    co_await Sleep(1us);
    co_return co_await own.create_task(middle()) + co_await middle();
  };
  for (int i = 0; i < 3; ++i) CHECK(loop.run_until_complete(program(loop)) == 6);
  const std::size_t made = heap::blocks_made();
  int sum = 0;
  for (int i = 0; i < 100; ++i) sum += loop.run_until_complete(program(loop));
  CHECK(heap::blocks_made() == made);
  CHECK(sum == 600);
}

}  // namespace test_whereabouts
