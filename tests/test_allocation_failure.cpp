// Every operation, tried with memory that runs out at each of its allocations.
//
// A row of the table is an operation and what must be there for it. It adds 1 to `happened` when it has had its effect,
// at once or in a turn. If it throws, it has had none, and can be done again.
#include <csignal>
#include <functional>
#include <memory>
#include <new>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "testing/allocation_failure.hpp"
#include "testing/loop_fixture.hpp"

#if __has_include("treadle/sleep.hpp")
#include "treadle/sleep.hpp"
#endif
#if __has_include("treadle/socket.hpp")
#include "testing/socket_pair.hpp"
#endif
#if __has_include("treadle/run_coroutine_threadsafe.hpp")
#include "testing/thread.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#endif
#if __has_include("treadle/report.hpp")
#include "treadle/report.hpp"
#include "treadle/task_tree.hpp"
#endif

namespace test_allocation_failure {

using treadle::Coro;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::FailingAllocation;

/// A loop, and all that an operation needs.
struct World {
  World() {
    loop.set_exception_handler([this](const ErrorContext&) { ++errors; });
  }

  void run() {
    loop.run_until_idle();
#if __has_include("treadle/clock.hpp")
    clock.advance(std::chrono::hours(1));
    loop.run_until_idle();
#endif
  }

#if __has_include("treadle/clock.hpp")
  treadle::testing::VirtualClock clock;
#endif
#if __has_include("treadle/socket.hpp")
  treadle::testing::SocketPair pair;
#endif
#if __has_include("treadle/observer.hpp")
  struct : treadle::LoopObserver {
  } observer;
#endif
  int happened = 0;
  int errors = 0;
#if __has_include("treadle/clock.hpp")
  EventLoop loop{clock};
#else
  EventLoop loop;
#endif
  Task<int> task;  // to be awaited, cancelled, asked
};

struct Operation {
  const char* name;
  std::function<void(World&)> act;
  std::function<void(World&)> prepare = [](World&) {};
};

Coro<> adds_one(World& world, Counted) {
  ++world.happened;
  co_return;
}

Coro<int> yields() {
  co_await yield_now();
  co_return 1;
}

// A task that finds no memory for an operation tries it once more.
template <class T>
Coro<> tries_twice(World& world, Coro<T> (*operation)(World&)) {
  bool failed = false;
  try {
    co_await operation(world);
    ++world.happened;
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  if (!failed) co_return;
  co_await operation(world);
  ++world.happened;
}

template <class F>
auto task_that(F operation) {
  // A pointer to the function: g++ warns of a local type in a coroutine's frame.
  return [call = +operation](World& world) { world.loop.create_task(tries_twice(world, call)); };
}

const auto run_until_idle = [](World& world) { world.loop.run_until_idle(); };
const auto make_task = [](World& world) { world.task = world.loop.create_task(yields()); };

std::vector<Operation> operations() {
  std::vector<Operation> all;
  all.push_back(
      {"create_task", [](World& world) { world.loop.create_task(adds_one(world, Counted())); }});
  all.push_back({"call_soon", [](World& world) {
                   world.loop.call_soon([&world, counted = Counted()] { ++world.happened; });
                 }});
  all.push_back({"run_until_complete",
                 [](World& world) { world.loop.run_until_complete(adds_one(world, Counted())); }});
  all.push_back({"co_await of a Coro", run_until_idle,
                 task_that([](World&) -> Coro<int> { return yields(); })});
  all.push_back({"co_await of a task", run_until_idle, [](World& world) {
                   make_task(world);
                   task_that([](World& own) -> Coro<> { co_await own.task; })(world);
                 }});
  all.push_back({"co_await of a task that was made there", run_until_idle,
                 task_that([](World& own) -> Coro<> { co_await own.loop.create_task(yields()); })});
#if __has_include("treadle/sleep.hpp")
  all.push_back({"call_later", [](World& world) {
                   world.loop.call_later(std::chrono::seconds(1),
                                         [&world, counted = Counted()] { ++world.happened; });
                 }});
  all.push_back({"sleep", run_until_idle, task_that([](World&) -> Coro<> {
                   co_await treadle::Sleep(std::chrono::seconds(1));
                 })});
#endif
#if __has_include("treadle/socket.hpp")
  all.push_back({"read", run_until_idle, [](World& world) {
                   task_that([](World& own) -> Coro<> {
                     char byte;
                     co_await treadle::ReadSocket(own.pair.b, {&byte, 1});
                   })(world);
                   world.loop.call_later(std::chrono::seconds(1),
                                         [&world] { treadle::testing::put(world.pair.a, "x"); });
                 }});
#endif
#if __has_include("treadle/signals.hpp")
  const auto cancel = [](World& world) {
    if (world.task.cancelling() != 0) ++world.errors;  // it counts one that has failed
    world.happened += static_cast<int>(world.task.cancel("a reason that is no short string"));
  };
  const auto make_sleeper = [](World& world) {
    world.task = world.loop.create_task([]() -> Coro<int> {
      co_await treadle::Sleep(std::chrono::hours(9));
      co_return 1;
    }());
  };
  all.push_back({"cancel of a task that has not begun", cancel, make_sleeper});
  all.push_back({"cancel of a task that waits", cancel, [make_sleeper](World& world) {
                   make_sleeper(world);
                   world.loop.run_until_idle();
                 }});
  all.push_back({"add_done_callback",
                 [](World& world) {
                   world.task.add_done_callback(
                       [&world, counted = Counted()] { ++world.happened; });
                 },
                 make_task});
  all.push_back({"add_done_callback of a task that is done",
                 [](World& world) {
                   world.task.add_done_callback(
                       [&world, counted = Counted()] { ++world.happened; });
                 },
                 [](World& world) {
                   make_task(world);
                   world.loop.run_until_idle();
                 }});
  all.push_back({"add_signal_handler",
                 [](World& world) {
                   world.loop.add_signal_handler(
                       SIGUSR1, [&world, counted = Counted()] { ++world.happened; });
                   std::raise(SIGUSR1);
                 },
                 [](World&) { std::signal(SIGUSR1, SIG_IGN); }});
  all.push_back({"add_signal_handler in the place of another",
                 [](World& world) {
                   world.loop.add_signal_handler(
                       SIGUSR1, [&world, counted = Counted()] { ++world.happened; });
                   std::raise(SIGUSR1);
                 },
                 [](World& world) { world.loop.add_signal_handler(SIGUSR1, [] {}); }});
  all.push_back({"a signal", run_until_idle, [](World& world) {
                   world.loop.add_signal_handler(SIGUSR1, [&world] { ++world.happened; });
                   std::raise(SIGUSR1);
                 }});
  all.push_back({"cancel_on_signal",
                 [](World& world) {
                   world.loop.cancel_on_signal(SIGUSR1, world.task);
                   ++world.happened;
                 },
                 make_task});
#endif
#if __has_include("treadle/run_coroutine_threadsafe.hpp")
  all.push_back({"call_soon_threadsafe", [](World& world) {
                   world.loop.call_soon_threadsafe([&world] { ++world.happened; });
                 }});
  all.push_back({"run_coroutine_threadsafe", [](World& world) {
                   run_coroutine_threadsafe(world.loop, adds_one(world, Counted()));
                 }});
  all.push_back({"waits_for",
                 [](World& world) {
                   static_cast<void>(world.task.waits_for());
                   ++world.happened;
                 },
                 make_task});
#endif
#if __has_include("treadle/report.hpp")
  all.push_back({"create_task with a name", [](World& world) {
                   world.loop.create_task(adds_one(world, Counted()),
                                          "a name that is longer than a short string");
                 }});
  all.push_back({"set_name",
                 [](World& world) {
                   world.task.set_name("a name that is longer than a short string");
                   ++world.happened;
                 },
                 make_task});
  all.push_back({"add_context",
                 [](World& world) {
                   world.task.add_context("a key that is longer than a short string", 7);
                   ++world.happened;
                 },
                 make_task});
  all.push_back({"add_observer", [](World& world) {
                   world.loop.add_observer(world.observer);
                   ++world.happened;
                 }});
  all.push_back({"snapshots",
                 [](World& world) {
                   static_cast<void>(world.task.stack());
                   static_cast<void>(to_json(world.task.metrics()));
                   static_cast<void>(
                       to_table(std::vector<treadle::TaskMetrics>{world.task.metrics()}));
                   static_cast<void>(to_json(world.loop.metrics()));
                   static_cast<void>(to_table(world.loop.metrics()));
                   static_cast<void>(world.loop.all_tasks());
                   static_cast<void>(task_tree(world.loop));
                   ++world.happened;
                 },
                 make_task});
#endif
  return all;
}

/// What came of one trial.
struct Outcome {
  bool failed;   // the allocation
  bool threw;    // the operation
  int happened;  // how often, when all had run
  int again;     // how often, when it had been done again where it had thrown
  int errors;    // that were reported

  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << (outcome.threw ? "threw" : "did not throw") << ", happened " << outcome.happened
               << " times, " << outcome.again << " in the end, " << outcome.errors << " reports";
  }
};

Outcome try_with(const Operation& operation, std::size_t allocations) {
  World world;
  operation.prepare(world);
  Outcome outcome{};
  {
    const FailingAllocation failing(allocations);
    try {
      operation.act(world);
    } catch (const std::bad_alloc&) {
      outcome.threw = true;
    }
    outcome.failed = failing.failed();
  }
  const bool once_more =
      outcome.threw && operation.act.target<decltype(run_until_idle)>() == nullptr;
  world.run();
  outcome.happened = world.happened;
  if (once_more) operation.act(world);
  world.run();
  outcome.again = world.happened;
  outcome.errors = world.errors;
  return outcome;
}

TEST_CASE("AllocationFailure: an operation happens or throws, and nothing leaks",
          "[allocation][errors]") {
  constexpr std::size_t kMost = 500;
  for (const Operation& operation : operations()) {
    try_with(operation,
             kMost);  // what is made once in a process, by the C library too, is made here
    bool failed = true;
    std::size_t allocations = 0;
    for (; failed && allocations < kMost; ++allocations) {
      Counted::reset();
      const AllocationCheck memory;
      const Outcome outcome = try_with(operation, allocations);
      failed = outcome.failed;
      const bool balanced = memory.balanced();
      INFO(operation.name << ", without its allocation " << allocations << ": " << outcome);
      const bool is_turn = operation.act.target<decltype(run_until_idle)>() != nullptr;
      CHECK((is_turn || outcome.happened == (outcome.threw ? 0 : 1)));
      CHECK(outcome.again == 1);
      CHECK(outcome.errors == 0);
      CHECK(balanced);
      CHECK(Counted::live() == 0);
    }
    INFO(operation.name);
    CHECK(allocations < kMost);
  }
}

// ---- Reports, which are made where nothing can be thrown

void report_with(EventLoop& loop, std::size_t allocations) {
  loop.call_soon([] { throw 1; });
  loop.create_task([]() -> Coro<> {
    throw 2;
    co_return;
  }());
  const FailingAllocation failing(allocations);
  loop.run_until_idle();
}

TEST_CASE("AllocationFailure: a report that finds no memory does not end the process",
          "[allocation][errors]") {
  for (std::size_t allocations = 0; allocations < 40; ++allocations) {
    int told = 0, ran = 0;
    EventLoop loop;
    // Not small, so that a copy of the handler needs memory too.
    loop.set_exception_handler([&told, large = std::string(100, '.')](const ErrorContext& context) {
      if (!describe(context).empty() && !large.empty()) ++told;
    });
    report_with(loop, allocations);
    loop.call_soon([&ran] { ++ran; });
    loop.run_until_idle();
    CHECK(told >= 1);  // one of the two at most has found no memory
    CHECK(ran == 1);
  }
}

}  // namespace test_allocation_failure
