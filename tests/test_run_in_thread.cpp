// Functions that block, in threads of a pool: what they give comes back to the loop, or to nobody.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/other_thread.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"

namespace test_run_in_thread {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::EventLoop;
using treadle::run_in_thread;
using treadle::Sleep;
using treadle::Task;
using treadle::ThreadPool;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::comes_to_sleep;
using treadle::testing::comes_true;
using treadle::testing::Counted;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::NoThreads;
using treadle::testing::said_in_dying;
using treadle::testing::this_thread_number;
using treadle::testing::Threads;
using treadle::testing::Trace;

/// A job that waits until it is let go; says when it has begun.
struct Gate {
  std::atomic<bool> open = false;
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;

  void pass() {
    ++begun;
    while (!open) std::this_thread::yield();
    ++ended;
  }
  bool comes_to_begin(int count = 1) {
    return comes_true([this, count] { return begun >= count; });
  }
};

/// Each test has a pool of its own, so that all threads are gone when it is over.
class PoolFixture : public LoopFixture {
 public:
  template <class F>
  auto in_pool(F f) {
    return [](ThreadPool& threads, F job) -> Coro<std::invoke_result_t<F>> {
      co_return co_await run_in_thread(std::move(job), threads);
    }(pool, std::move(f));
  }

  /// The job holds a thread until `gate` is opened.
  Task<> spawn_gate(Gate& gate) {
    return loop.create_task(in_pool([&gate] { gate.pass(); }));
  }

  ThreadPool pool{2};
};

// ---- What comes back

TEST_CASE_METHOD(
    PoolFixture,
    "RunInThread: the function runs in another thread, and the task goes on in its own",
    "[run_in_thread][real-time]") {
  const auto place = run([this]() -> Coro<std::thread::id> {
    const auto place_of_job =
        co_await run_in_thread([] { return std::this_thread::get_id(); }, pool);
    note(std::this_thread::get_id() == place_of_job ? "went along" : "stayed");
    co_return place_of_job;
  });
  CHECK(place != std::this_thread::get_id());
  CHECK(trace == Trace{"stayed"});
}

TEST_CASE_METHOD(PoolFixture,
                 "RunInThread: value, error, nothing, what can only be moved, a reference",
                 "[run_in_thread][real-time]") {
  CHECK(loop.run_until_complete(in_pool([] { return 7; })) == 7);
  CHECK(loop.run_until_complete(in_pool([text = std::string(40, 'x')] { return text; })) ==
        std::string(40, 'x'));
  CHECK_THROWS_WITH(
      loop.run_until_complete(in_pool([]() -> int { throw std::runtime_error("no"); })), "no");
  bool ran = false;
  loop.run_until_complete(in_pool([&ran] { ran = true; }));
  CHECK(ran);
  CHECK(*loop.run_until_complete(in_pool([] { return std::make_unique<int>(3); })) == 3);
  auto taken = std::make_unique<int>(4);
  CHECK(loop.run_until_complete(in_pool([mine = std::move(taken)] { return *mine; })) == 4);
  int target = 5;
  CHECK(&loop.run_until_complete(in_pool([&target]() -> int& { return target; })) == &target);
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: the loop goes on meanwhile",
                 "[run_in_thread][real-time]") {
  Gate gate;
  const auto job = spawn_gate(gate);
  int steps = 0;
  run([&]() -> Coro<> {
    while (gate.begun == 0 || steps < 10) {
      ++steps;
      co_await yield_now();
    }
    gate.open = true;
    co_await job;
  });
  CHECK(steps >= 10);
  CHECK(gate.ended == 1);
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: who waits says for what",
                 "[run_in_thread][waits_for][real-time]") {
  Gate gate;
  const auto job = spawn_gate(gate);
  run_until_idle();
  CHECK(job.waits_for() == "a job in a thread");
  gate.open = true;
  loop.run_until_complete(job);
}

TEST_CASE_METHOD(PoolFixture,
                 "RunInThread: what it captured is destroyed in the thread that ran it",
                 "[run_in_thread][lifetime][real-time]") {
  struct SaysWhere {
    explicit SaysWhere(std::thread::id& place) : where(&place) {}
    SaysWhere(SaysWhere&& from) noexcept : where(std::exchange(from.where, nullptr)) {}
    ~SaysWhere() {
      if (where != nullptr) *where = std::this_thread::get_id();
    }
    std::thread::id* where;
  };
  std::thread::id destroyed_in, ran_in;
  loop.run_until_complete(
      in_pool([&ran_in, says = SaysWhere(destroyed_in)] { ran_in = std::this_thread::get_id(); }));
  CHECK(destroyed_in == ran_in);
  CHECK(ran_in != std::this_thread::get_id());
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: many at once all come back, each to its own",
                 "[run_in_thread][real-time]") {
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 200; ++i) tasks.push_back(loop.create_task(in_pool([i] { return i; })));
  int right = 0;
  for (int i = 0; i < 200; ++i)
    right += loop.run_until_complete(tasks[static_cast<std::size_t>(i)]) == i ? 1 : 0;
  CHECK(right == 200);
}

TEST_CASE("RunInThread: without a pool it uses the one of the program", "[run_in_thread]") {
  // In a process of its own, for those threads stay.
  const auto ending = in_child([] {
    EventLoop loop;
    const int sum = loop.run_until_complete([]() -> Coro<int> {
      int total = 0;
      for (int i = 0; i < 20; ++i) {
        const int value = co_await run_in_thread([i] { return i; });
        total += value;
      }
      co_return total;
    }());
    ::_exit(sum == 190 ? 7 : 8);  // no more: the test runner's own report is open in here, too
  });
  CHECK(ending.exit_code == 7);
}

// ---- Cancelled

TEST_CASE_METHOD(PoolFixture, "RunInThread: cancelled before it has begun, the function never runs",
                 "[run_in_thread][cancel][real-time]") {
  Gate gate;
  const auto first = spawn_gate(gate);
  const auto second = spawn_gate(gate);
  run_until_idle();
  REQUIRE(gate.comes_to_begin(2));  // the pool is full
  std::atomic<bool> ran = false;
  const auto third = loop.create_task(in_pool([&ran, counted = Counted()] { ran = true; }));
  run_until_idle();
  CHECK(third.cancel("enough"));
  run_until_idle();
  CHECK(third.cancelled());     // at once, though no thread is free
  CHECK(Counted::live() == 0);  // and what the function has captured is gone
  gate.open = true;
  loop.run_until_complete(first);
  loop.run_until_complete(second);
  loop.run_until_complete(in_pool([] {}));  // behind the third in the same queue
  CHECK_FALSE(ran);
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(PoolFixture,
                 "RunInThread: cancelled after it has begun, the task ends at once, and the thread "
                 "finishes for nobody",
                 "[run_in_thread][cancel][real-time]") {
  Gate gate;
  const auto task = spawn_gate(gate);
  run_until_idle();
  REQUIRE(gate.comes_to_begin());
  CHECK(task.cancel("enough"));
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(gate.ended == 0);
  gate.open = true;
  REQUIRE(comes_true([&] { return gate.ended == 1; }));
  loop.run_until_complete(in_pool([] {}));
  CHECK(errors == Trace{});
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: what fails when nobody waits any more is reported",
                 "[run_in_thread][cancel][errors][real-time]") {
  Gate gate;
  const auto task = loop.create_task(in_pool([&gate]() -> int {
    gate.pass();
    throw std::runtime_error("too late");
  }));
  run_until_idle();
  REQUIRE(gate.comes_to_begin());
  task.cancel();
  run_until_idle();
  gate.open = true;
  run([&]() -> Coro<> {
    while (errors.empty()) co_await yield_now();
  });
  CHECK(errors == Trace{"a job in a thread failed, and nobody waited for it: too late"});
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: a result that nobody waits for is destroyed",
                 "[run_in_thread][cancel][lifetime][real-time]") {
  Gate gate;
  const auto task = loop.create_task(in_pool([&gate] {
    gate.pass();
    return Counted(1);
  }));
  run_until_idle();
  REQUIRE(gate.comes_to_begin());
  task.cancel();
  run_until_idle();
  gate.open = true;
  loop.run_until_complete(in_pool([] {}));
  REQUIRE(comes_true([&] {
    run_until_idle();
    return gate.ended == 1 && Counted::live() == 0;
  }));
}

TEST_CASE_METHOD(PoolFixture,
                 "RunInThread: the job is home first, then the cancel comes: the job's end counts "
                 "where the task was woken",
                 "[run_in_thread][cancel][turn][real-time]") {
  std::atomic<bool> done = false;
  const auto task = spawn("task", [&, this]() -> Coro<> {
    const int value = co_await run_in_thread(
        [&done] {
          done = true;
          return 7;
        },
        pool);
    note(std::to_string(value));
    co_await Sleep(1h);
    note("never");
  });
  run_until_idle();
  REQUIRE(comes_true([&] { return done.load(); }));
  // The news is in the loop's queue, or on its way; a callback behind it meets a task that was woken.
  while (!task.waits_for().empty() && trace.empty()) {
    loop.stop();
    loop.run_once();
  }
  CHECK(task.cancel());
  loop.run_forever();
  CHECK(trace == Trace{"7"});
  CHECK(task.cancelled());
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: woken or cancelled, never both and never neither",
                 "[run_in_thread][cancel][thread][real-time]") {
  int values = 0, cancels = 0;
  std::atomic<int> ran = 0;
  for (int i = 0; i < 150; ++i) {
    const auto task =
        loop.create_task([](ThreadPool& threads, std::atomic<int>& count) -> Coro<int> {
          try {
            co_await run_in_thread([&count] { ++count; }, threads);
            co_return 1;
          } catch (const CancelledError&) {
            co_return 2;
          }
        }(pool, ran));
    run_until_idle();
    for (int spin = i % 5; spin > 0; --spin) std::this_thread::yield();
    task.cancel();
    const int outcome = loop.run_until_complete(task);
    values += outcome == 1 ? 1 : 0;
    cancels += outcome == 2 ? 1 : 0;
  }
  CHECK(values + cancels == 150);
  CHECK(ran >= values);
  CHECK(ran <= 150);
}

TEST_CASE_METHOD(LoopFixture, "RunInThread: cancelled before it waits, nothing runs",
                 "[run_in_thread][cancel][real-time]") {
  ThreadPool pool(1);
  std::atomic<bool> ran = false;
  const auto task = spawn("task", [&]() -> Coro<> {
    const AnyTask self = co_await treadle::get_current_task();
    self.cancel();
    auto job = [&ran, counted = Counted()] { ran = true; };
    co_await run_in_thread(std::move(job), pool);
    ran = true;
  });
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(Counted::live() == 0);
  run([&]() -> Coro<> { co_await run_in_thread([] {}, pool); });  // behind the job in the queue
  CHECK_FALSE(ran);
}

// ---- The loop goes first

TEST_CASE("RunInThread: the loop is closed while a thread is at work: its result is dropped",
          "[run_in_thread][close][real-time]") {
  Counted::reset();
  Gate gate;
  ThreadPool pool(1);
  Task<Counted> task;
  Trace errors;
  {
    EventLoop loop;
    loop.set_exception_handler(
        [&](const treadle::ErrorContext& context) { errors.push_back(describe(context)); });
    task = loop.create_task([](ThreadPool& threads, Gate& passes) -> Coro<Counted> {
      co_return co_await run_in_thread(
          [&passes] {
            passes.pass();
            return Counted(1);
          },
          threads);
    }(pool, gate));
    loop.run_until_idle();
    REQUIRE(gate.comes_to_begin());
  }
  CHECK(task.cancelled());
  CHECK(gate.ended == 0);  // the loop did not wait for the thread
  gate.open = true;
  CHECK(comes_true([&] { return gate.ended == 1 && Counted::live() == 0; }));
  CHECK(errors == Trace{});
}

TEST_CASE("RunInThread: jobs under way while their loop closes leave nothing behind",
          "[run_in_thread][close][thread][real-time]") {
  Counted::reset();
  std::atomic<int> ran = 0;
  AllocationCheck memory;
  {
    ThreadPool pool(2);
    for (int round = 0; round < 30; ++round) {
      EventLoop loop;
      std::vector<Task<>> tasks;
      for (int i = 0; i < 10; ++i) {
        tasks.push_back(
            loop.create_task([](ThreadPool& threads, std::atomic<int>& count) -> Coro<> {
              auto job = [&count, counted = Counted()] { ++count; };
              co_await run_in_thread(std::move(job), threads);
            }(pool, ran)));
      }
      loop.run_until_idle();
      for (int spin = round % 6; spin > 0; --spin) std::this_thread::yield();
    }
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

// ---- The pool

TEST_CASE_METHOD(LoopFixture, "RunInThread: a pool has no more threads than it was told",
                 "[run_in_thread][pool][real-time]") {
  for (const std::size_t most : {1U, 3U}) {
    ThreadPool pool(most);
    std::atomic<int> at_once = 0, most_at_once = 0;
    std::vector<Task<std::thread::id>> tasks;
    for (int i = 0; i < 12; ++i) {
      tasks.push_back(loop.create_task([](ThreadPool& threads, std::atomic<int>& now,
                                          std::atomic<int>& peak) -> Coro<std::thread::id> {
        co_return co_await run_in_thread(
            [&now, &peak] {
              const int here = ++now;
              int seen = peak;
              while (seen < here && !peak.compare_exchange_weak(seen, here)) {
              }
              std::this_thread::sleep_for(200us);  // so that they meet, mostly
              --now;
              return std::this_thread::get_id();
            },
            threads);
      }(pool, at_once, most_at_once)));
    }
    std::set<std::thread::id> places;
    for (const auto& task : tasks) places.insert(loop.run_until_complete(task));
    CHECK(places.size() <= most);
    CHECK(most_at_once <= static_cast<int>(most));
    CHECK(most_at_once >= 1);
  }
}

TEST_CASE_METHOD(PoolFixture, "RunInThread: a thread that is free is used again",
                 "[run_in_thread][pool][real-time]") {
  std::set<std::thread::id> places;
  for (int i = 0; i < 50; ++i) {
    places.insert(loop.run_until_complete(in_pool([] { return std::this_thread::get_id(); })));
    std::this_thread::sleep_for(20us);  // so that the thread is free by now, mostly
  }
  CHECK(places.size() <= 2);
}

TEST_CASE_METHOD(LoopFixture, "RunInThread: jobs of one thread run in the order in which they came",
                 "[run_in_thread][pool][fair][real-time]") {
  ThreadPool pool(1);
  std::vector<int> ran;
  std::vector<Task<>> tasks;
  for (int i = 0; i < 50; ++i) {
    tasks.push_back(
        loop.create_task([](ThreadPool& threads, std::vector<int>& list, int number) -> Coro<> {
          co_await run_in_thread([&list, number] { list.push_back(number); }, threads);
        }(pool, ran, i)));
  }
  for (const auto& task : tasks) loop.run_until_complete(task);
  std::vector<int> in_order(50);
  for (int i = 0; i < 50; ++i) in_order[static_cast<std::size_t>(i)] = i;
  CHECK(ran == in_order);
}

TEST_CASE_METHOD(LoopFixture,
                 "RunInThread: a pool that ends finishes what has begun, and tells the others",
                 "[run_in_thread][pool][real-time]") {
  Gate gate;
  std::atomic<bool> ran = false;
  std::atomic<long> ends_the_pool = 0;
  Task<> first, second;
  {
    Threads threads;
    ThreadPool pool(1);
    first = loop.create_task([](ThreadPool& into, Gate& passes) -> Coro<> {
      co_await run_in_thread([&passes] { passes.pass(); }, into);
    }(pool, gate));
    second = loop.create_task([](ThreadPool& into, std::atomic<bool>& flag) -> Coro<> {
      auto job = [&flag, counted = Counted()] { flag = true; };
      co_await run_in_thread(std::move(job), into);
    }(pool, ran));
    run_until_idle();
    REQUIRE(gate.comes_to_begin());
    threads.start([&] {
      comes_to_sleep(ends_the_pool);  // it waits for the first job
      gate.open = true;
    });
    ends_the_pool =
        this_thread_number();  // last: from here on nothing else makes this thread sleep
  }
  loop.run_until_complete(first);
  CHECK(gate.ended == 1);
  CHECK_THROWS_WITH(loop.run_until_complete(second),
                    "the thread pool ended before the job had begun");
  CHECK_FALSE(ran);
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "RunInThread: if no thread can be made, the task is told once",
                 "[run_in_thread][pool][errors][real-time]") {
  ThreadPool pool(1);
  const NoThreads no_threads;
  const auto as_a_temporary = spawn("a", [&]() -> Coro<> {
    CHECK_THROWS_AS(co_await run_in_thread([] {}, pool), std::system_error);
    co_await yield_now();
    note("a goes on");
  });
  const auto by_name = spawn("b", [&]() -> Coro<> {
    auto job = run_in_thread([counted = Counted()] {}, pool);
    CHECK_THROWS_AS(co_await job, std::system_error);
    CHECK(Counted::live() == 1);  // the one that was moved from
    co_await yield_now();
    co_await yield_now();
    note("b goes on");
  });
  run_until_idle();
  CHECK(trace == Trace{"a goes on", "b goes on"});
  CHECK(errors.empty());
  CHECK(Counted::live() == 0);
}

TEST_CASE("RunInThread: what it makes is awaited once", "[run_in_thread][check][real-time]") {
  const auto said = said_in_dying([] {
    ThreadPool pool(1);
    EventLoop loop;
    loop.run_until_complete([](ThreadPool& threads) -> Coro<> {
      auto job = run_in_thread([] { return 5; }, threads);
      co_await job;
      co_await job;
    }(pool));
  });
  CHECK_THAT(said, ContainsSubstring("is awaited once"));
}

TEST_CASE("RunInThread: a pool that nobody used ends at once", "[run_in_thread][pool][real-time]") {
  AllocationCheck memory;
  { ThreadPool pool(3); }
  CHECK(memory.balanced());
  CHECK(ThreadPool::standard_size() >= 1);
  CHECK(ThreadPool::standard_size() <= 32);
}

TEST_CASE("RunInThread: several loops in several threads use one pool",
          "[run_in_thread][pool][thread][real-time]") {
  ThreadPool pool(2);
  std::atomic<int> right = 0;
  Threads threads;
  threads.start_together(3, [&](int thread) {
    EventLoop loop;
    const int sum = loop.run_until_complete([](ThreadPool& into, int number) -> Coro<int> {
      int total = 0;
      for (int i = 0; i < 30; ++i) {
        const int value = co_await run_in_thread([number] { return number; }, into);
        total += value;
      }
      co_return total;
    }(pool, thread));
    if (sum == 30 * thread) ++right;
  });
  threads.join();
  CHECK(right == 3);
}

}  // namespace test_run_in_thread
