#include <stdexcept>
#include <string>
#include <vector>

#include "testing/loop_fixture.hpp"

namespace test_deep {

// Chains so long that one recursion anywhere would overflow a stack of 8 MB.
constexpr int kDeep = 100'000;

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;

Coro<int> one() { co_return 1; }

Coro<int> one_or_throw(bool fails) {
  if (fails) throw 1;
  co_return 1;
}

Coro<int> yield_and_count() {
  co_await yield_now();
  co_return 1;
}

enum class Bottom { kReturns, kYields, kThrows, kWaits };

Coro<int> bottom(Bottom ending, Task<> never) {
  if (ending == Bottom::kYields) co_await yield_now();
  if (ending == Bottom::kWaits) co_await never;
  if (ending == Bottom::kThrows) throw std::runtime_error("from the bottom");
  co_return 0;
}

Coro<int> nested(int depth, Bottom ending, Task<> never, Counted) {
  if (depth == 0) {
    const int end = co_await bottom(ending, never);
    co_return end;
  }
  const int below = co_await nested(depth - 1, ending, never, Counted());
  co_return 1 + below;
}

TEST_CASE_METHOD(LoopFixture, "Deep: a million awaits in a row need no more stack than one",
                 "[deep]") {
  CHECK(run([]() -> Coro<int> {
          int sum = 0;
          for (int i = 0; i < 1'000'000; ++i) sum += co_await one();
          co_return sum;
        }) == 1'000'000);
}

TEST_CASE_METHOD(LoopFixture,
                 "Deep: a hundred thousand errors in a row need no more stack than one", "[deep]") {
  CHECK(run([]() -> Coro<int> {
          int caught = 0;
          for (int i = 0; i < kDeep; ++i) {
            try {
              co_await one_or_throw(true);
            } catch (int) {
              ++caught;
            }
          }
          co_return caught;
        }) == kDeep);
}

TEST_CASE_METHOD(LoopFixture,
                 "Deep: a million awaits of a task that is done need no more stack than one",
                 "[deep]") {
  const auto task = spawn("done", one());
  run_until_idle();
  CHECK(run([&]() -> Coro<int> {
          int sum = 0;
          for (int i = 0; i < 1'000'000; ++i) sum += co_await task;
          co_return sum;
        }) == 1'000'000);
}

TEST_CASE_METHOD(LoopFixture, "Deep: coroutines that yield and end, one after the other",
                 "[deep]") {
  CHECK(run([]() -> Coro<int> {
          int sum = 0;
          for (int i = 0; i < kDeep; ++i) sum += co_await yield_and_count();
          co_return sum;
        }) == kDeep);
}

TEST_CASE_METHOD(LoopFixture, "Deep: a chain 100,000 deep gives its value to the top", "[deep]") {
  CHECK(loop.run_until_complete(nested(kDeep, Bottom::kReturns, {}, Counted())) == kDeep);
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture,
                 "Deep: a chain 100,000 deep that yields at the bottom gives its value to the top",
                 "[deep]") {
  CHECK(loop.run_until_complete(nested(kDeep, Bottom::kYields, {}, Counted())) == kDeep);
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Deep: an error climbs a chain 100,000 deep", "[deep][errors]") {
  CHECK_THROWS_WITH(loop.run_until_complete(nested(kDeep, Bottom::kThrows, {}, Counted())),
                    "from the bottom");
  CHECK(Counted::live() == 0);
}

TEST_CASE("Deep: a chain 100,000 deep is destroyed while it yields", "[deep][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    EventLoop loop;
    loop.create_task(nested(kDeep, Bottom::kYields, {}, Counted()));
    loop.stop();
    loop.run_until_idle();
    CHECK(Counted::live() > kDeep);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE("Deep: a chain 100,000 deep is destroyed while it waits", "[deep][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    EventLoop loop;
    Task<> never, other;
    const auto wait_for = [](Task<>& task) -> Coro<> { co_await task; };
    never = loop.create_task(wait_for(other));
    other = loop.create_task(wait_for(never));
    loop.create_task(nested(kDeep, Bottom::kWaits, never, Counted()));
    loop.run_until_idle();
    CHECK(Counted::live() > kDeep);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

Coro<int> wait_for(Task<int> task, Counted) {
  const int below = co_await task;
  co_return 1 + below;
}

Coro<int> wait_for_child(int depth, Counted) {
  if (depth == 0) {
    co_await yield_now();
    co_return 0;
  }
  EventLoop& loop = co_await treadle::get_running_loop();
  auto child = loop.create_task(wait_for_child(depth - 1, Counted()));
  const int below = co_await child;
  co_return 1 + below;
}

TEST_CASE_METHOD(LoopFixture, "Deep: 100,000 tasks wait for one another and end in a row",
                 "[deep][task]") {
  Task<int> last = spawn("first", yield_and_count());
  for (int i = 0; i < kDeep; ++i) last = spawn("next", wait_for(last, Counted()));
  CHECK(loop.run_until_complete(std::move(last)) == kDeep + 1);
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(LoopFixture, "Deep: tasks that make tasks, 100,000 deep", "[deep][task]") {
  CHECK(loop.run_until_complete(wait_for_child(kDeep, Counted())) == kDeep);
  CHECK(Counted::live() == 0);
}

TEST_CASE("Deep: 100,000 tasks that wait for their children go with their loop",
          "[deep][task][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    EventLoop loop;
    loop.create_task(wait_for_child(kDeep, Counted()));
    for (int i = 0; i < kDeep; ++i) {
      loop.stop();
      loop.run_until_idle();
    }
    CHECK(Counted::live() >= kDeep);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE("Deep: 100,000 tasks that wait for older ones go with their loop",
          "[deep][task][lifetime]") {
  Counted::reset();
  AllocationCheck memory;
  {
    EventLoop loop;
    Task<int> last;
    // The first waits for the last: nobody will ever end.
    const auto wait_for_last = [](Task<int>& task) -> Coro<int> {
      const int never = co_await task;
      co_return never;
    };
    Task<int> next = loop.create_task(wait_for_last(last));
    for (int i = 0; i < kDeep; ++i) next = loop.create_task(wait_for(next, Counted()));
    last = next;
    loop.run_until_idle();
    CHECK(Counted::live() == kDeep);
    last = {};
    next = {};
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(LoopFixture, "Deep: 100,000 tasks wait for one task", "[deep][task]") {
  const auto task = spawn("a", yield_and_count());
  int ended = 0;
  for (int i = 0; i < kDeep; ++i) {
    spawn("waits", [&]() -> Coro<> {
      co_await task;
      ++ended;
    });
  }
  run_until_idle();
  CHECK(ended == kDeep);
}

}  // namespace test_deep
