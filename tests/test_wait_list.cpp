#include <memory>
#include <string>

#include "testing/loop_fixture.hpp"
#include "treadle/wait_list.hpp"

namespace test_wait_list {

using treadle::Coro;
using treadle::TreadlePromise;
using treadle::Waiter;
using treadle::WaitList;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

/// The least awaiter there is: waits in a list until somebody wakes it.
class WaitIn final : public Waiter {
 public:
  explicit WaitIn(WaitList& list) : list_(list) {}
  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) noexcept {
    list_.add(*this);
    suspend(caller.promise());
  }
  void await_resume() const noexcept {}
  std::string waits_for() const override { return "its turn"; }

 private:
  WaitList& list_;
};

Coro<> wait_and_note(LoopFixture& fixture, WaitList& list, std::string name) {
  co_await WaitIn(list);
  fixture.note(name);
}

TEST_CASE_METHOD(LoopFixture, "WaitList: who came first is woken first", "[wait_list][fair]") {
  WaitList list;
  for (const auto* name : {"a", "b", "c"}) spawn(name, wait_and_note(*this, list, name));
  run_until_idle();
  CHECK(trace.empty());
  list.wake_one();
  run_until_idle();
  CHECK(trace == Trace{"a"});
  list.wake_one();
  list.wake_one();
  CHECK(list.empty());
  run_until_idle();
  CHECK(trace == Trace{"a", "b", "c"});
}

TEST_CASE_METHOD(LoopFixture, "WaitList: waking makes ready and runs nothing itself",
                 "[wait_list]") {
  WaitList list;
  spawn("a", wait_and_note(*this, list, "a"));
  run_until_idle();
  list.wake_one();
  CHECK(trace.empty());
  CHECK(list.empty());
  run_until_idle();
  CHECK(trace == Trace{"a"});
}

TEST_CASE_METHOD(LoopFixture, "WaitList: wake_all wakes all in order, and not those who come back",
                 "[wait_list]") {
  WaitList list;
  for (const auto* name : {"a", "b"}) {
    spawn(name, [this, &list, name]() -> Coro<> {
      for (;;) {
        co_await WaitIn(list);
        note(name);
      }
    });
  }
  run_until_idle();
  list.wake_all();
  run_until_idle();
  CHECK(trace == Trace{"a", "b"});
  CHECK_FALSE(list.empty());
}

TEST_CASE_METHOD(LoopFixture,
                 "WaitList: waking where nobody waits does nothing and is not remembered",
                 "[wait_list]") {
  WaitList list;
  list.wake_one();
  list.wake_all();
  spawn("a", wait_and_note(*this, list, "a"));
  run_until_idle();
  CHECK(trace.empty());
}

TEST_CASE("WaitList: who is destroyed while it waits has left the list", "[wait_list][lifetime]") {
  WaitList list;
  {
    LoopFixture fixture;
    fixture.spawn("a", wait_and_note(fixture, list, "a"));
    fixture.run_until_idle();
    CHECK_FALSE(list.empty());
  }
  CHECK(list.empty());
  list.wake_all();
}

TEST_CASE_METHOD(LoopFixture, "WaitList: a deadlock names what a task waits for there",
                 "[wait_list][deadlock]") {
  WaitList list;
  spawn("a", wait_and_note(*this, list, "a"));
  CHECK_THROWS_WITH(loop.run_forever(), ContainsSubstring("Task-1 waits for its turn"));
}

/// Wakes all when it is destroyed.
struct WakesAll {
  explicit WakesAll(WaitList& list) : list_(list) {}
  ~WakesAll() { list_.wake_all(); }
  WaitList& list_;
};

TEST_CASE("WaitList: a task that its own locals wake while they are destroyed stays asleep",
          "[wait_list][lifetime]") {
  WaitList list;
  {
    LoopFixture fixture;
    fixture.spawn("a", [&]() -> Coro<> {
      WaitIn wait(list);
      const WakesAll wakes(list);  // destroyed first, while the task still waits
      co_await wait;
      fixture.note("never");
    });
    fixture.run_until_idle();
    CHECK_FALSE(list.empty());
  }
  CHECK(list.empty());
}

}  // namespace test_wait_list
