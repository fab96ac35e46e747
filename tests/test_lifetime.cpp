#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/loop_fixture.hpp"

namespace test_lifetime {

using treadle::Coro;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::InvalidStateError;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::Counted;
using treadle::testing::Trace;

// A test of these takes the loop down and looks at what is left, so it makes its own.
class Lifetime {
 public:
  Lifetime() { Counted::reset(); }

 protected:
  void note(std::string line) { trace.push_back(std::move(line)); }

  Trace trace;
};

/// Calls `at_end` when it is destroyed, unless it was moved from.
class AtEnd {
 public:
  explicit AtEnd(std::function<void()> at_end) : at_end_(std::move(at_end)) {}
  AtEnd(AtEnd&& other) noexcept : at_end_(std::exchange(other.at_end_, nullptr)) {}
  AtEnd& operator=(AtEnd&&) = delete;
  ~AtEnd() {
    if (at_end_) at_end_();
  }

 private:
  std::function<void()> at_end_;
};

Coro<> return_at_once(Counted) { co_return; }

Coro<> yield_for_ever(Counted) {
  Counted local;
  for (;;) co_await yield_now();
}

Coro<> wait_for(Task<>& task, Counted) {
  Counted local;
  co_await task;
}

Coro<> hold_and_yield(AtEnd, int yields) {
  for (int i = 0; i < yields; ++i) co_await yield_now();
}

Coro<> hold_and_wait(AtEnd, Task<>& task) { co_await task; }

// Two tasks that wait for each other, so that the loop has some that will never end.
struct Deadlock {
  explicit Deadlock(EventLoop& loop) {
    first = loop.create_task(wait_for(second, Counted()));
    second = loop.create_task(wait_for(first, Counted()));
  }
  Task<> first, second;
};

TEST_CASE_METHOD(Lifetime, "Lifetime: a task that ended destroys its arguments once",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    loop.create_task(return_at_once(Counted()));
    CHECK(Counted::live() == 1);
    loop.run_until_idle();
    CHECK(Counted::live() == 0);
  }
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a loop that goes destroys the tasks that never began",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    const auto kept = loop.create_task(return_at_once(Counted()));
    loop.create_task(return_at_once(Counted()));
    CHECK(Counted::live() == 2);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a loop that goes destroys the tasks that are ready",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    const auto kept = loop.create_task(yield_for_ever(Counted()));
    loop.create_task(yield_for_ever(Counted()));
    loop.stop();
    loop.run_until_idle();
    CHECK(Counted::live() == 4);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a loop that goes destroys the tasks that wait",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    const Deadlock deadlock(loop);
    loop.run_until_idle();
    CHECK(Counted::live() == 4);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a task that was woken and has not run goes with its loop",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    auto ends = loop.create_task(hold_and_yield(AtEnd(nullptr), 1));
    loop.create_task(wait_for(ends, Counted()));
    for (int i = 0; i < 2; ++i) {
      loop.stop();
      loop.run_until_idle();
    }
    CHECK(ends.done());
    CHECK(Counted::live() == 2);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime,
                 "Lifetime: a chain that goes with its loop is destroyed from the inside out",
                 "[lifetime]") {
  const auto says = [this](const char* name) { return AtEnd([this, name] { note(name); }); };
  {
    EventLoop loop;
    const Deadlock deadlock(loop);
    const auto inner = [&](AtEnd, Task<> never) -> Coro<> {
      const AtEnd local = says("inner local");
      co_await never;
    };
    const auto middle = [&](AtEnd, Task<> never) -> Coro<> {
      const AtEnd local = says("middle local");
      co_await inner(says("inner argument"), never);
    };
    const auto outer = [&](AtEnd, Task<> never) -> Coro<> {
      const AtEnd local = says("outer local");
      co_await middle(says("middle argument"), never);
    };
    loop.create_task(outer(says("outer argument"), deadlock.first));
    loop.run_until_idle();
    CHECK(trace.empty());
  }
  CHECK(trace == Trace{"inner local", "inner argument", "middle local", "middle argument",
                       "outer local", "outer argument"});
}

TEST_CASE_METHOD(Lifetime,
                 "Lifetime: a loop that goes destroys its tasks in the order of their creation",
                 "[lifetime]") {
  {
    EventLoop loop;
    for (const auto* name : {"first", "second", "third"}) {
      loop.create_task(hold_and_yield(AtEnd([this, name] { note(name); }), 9));
    }
    loop.stop();
    loop.run_until_idle();
  }
  CHECK(trace == Trace{"first", "second", "third"});
}

TEST_CASE_METHOD(Lifetime,
                 "Lifetime: a handle may outlive its loop, and keeps its task's value and no frame",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    std::optional<Task<Counted>> ended;
    std::optional<Task<>> pending;
    {
      EventLoop loop;
      const auto give = []() -> Coro<Counted> { co_return Counted(3); };
      ended = loop.create_task(give());
      const auto outer = [](Counted) -> Coro<> { co_await yield_for_ever(Counted()); };
      pending = loop.create_task(outer(Counted()));
      loop.stop();
      loop.run_until_idle();
    }
    CHECK(ended->result().value() == 3);
    CHECK(ended->done());
    CHECK_THROWS(
        pending
            ->result());  // it never came to one: where tasks can be cancelled, that is how it ended
    CHECK(Counted::live() == 1);
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a loop that goes drops callbacks and does not run them",
                 "[lifetime][call_soon]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    loop.call_soon([this, counted = Counted()] { note("ran"); });
    CHECK(Counted::live() == 1);
  }
  CHECK(Counted::live() == 0);
  CHECK(trace.empty());
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: destructors may make tasks and callbacks while the loop goes",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    std::optional<EventLoop> kept(std::in_place);
    EventLoop& loop = *kept;
    const auto make_more = [&loop](Counted) {
      loop.create_task(return_at_once(Counted()));
      loop.call_soon([last = AtEnd([&loop] { loop.create_task(return_at_once(Counted())); })] {});
    };
    loop.create_task(hold_and_yield(AtEnd([&] { make_more(Counted()); }), 9));
    loop.call_soon([held = AtEnd([&] { make_more(Counted()); })] {});
    const Deadlock deadlock(loop);
    loop.create_task(hold_and_yield(AtEnd([&] { make_more(Counted()); }), 9));
    loop.stop();
    loop.run_until_idle();
    kept.reset();  // before what its destructors use
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime,
                 "Lifetime: destructors may drop handles to other tasks while the loop goes",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    std::vector<Task<>> handles;
    EventLoop loop;
    const auto drop_all = [&] { handles.clear(); };
    for (int i = 0; i < 3; ++i)
      handles.push_back(loop.create_task(hold_and_yield(AtEnd(drop_all), 9)));
    handles.push_back(loop.create_task(return_at_once(Counted())));
    loop.stop();
    loop.run_until_idle();
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a task may hold the last handle to the task it waits for",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    const auto parent = [](EventLoop& here) -> Coro<> {
      auto child = here.create_task(yield_for_ever(Counted()));
      co_await child;
    };
    loop.create_task(parent(loop));
    for (int i = 0; i < 3; ++i) {
      loop.stop();
      loop.run_until_idle();
    }
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a task that ends may drop the last handle to itself",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    std::optional<Task<>> self;
    self = loop.create_task(hold_and_yield(AtEnd([&] { self.reset(); }), 1));
    loop.run_until_idle();
    CHECK_FALSE(self);
  }
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a task that goes while it waits is no longer woken",
                 "[lifetime]") {
  // The one that is waited for lies in the list after the one that waits, and ends (so to speak) after it.
  EventLoop loop;
  Task<> never;
  loop.create_task(wait_for(never, Counted()));
  never = loop.create_task(yield_for_ever(Counted()));
  loop.stop();
  loop.run_until_idle();
  SUCCEED("the loop goes, first the one that waits");
}

TEST_CASE_METHOD(Lifetime, "Lifetime: the exception handler and what it holds go with the loop",
                 "[lifetime]") {
  {
    EventLoop loop;
    loop.set_exception_handler([counted = Counted()](const ErrorContext&) {});
    CHECK(Counted::live() == 1);
  }
  CHECK(Counted::live() == 0);
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a thousand tasks of every kind leave nothing behind",
                 "[lifetime]") {
  AllocationCheck memory;
  {
    EventLoop loop;
    loop.set_exception_handler([](const ErrorContext&) {});
    const auto fails = [](Counted) -> Coro<> {
      co_await yield_now();
      throw Counted();
    };
    for (int i = 0; i < 250; ++i) {
      loop.create_task(return_at_once(Counted()));
      loop.create_task(fails(Counted()));
      loop.create_task(hold_and_yield(AtEnd(nullptr), i));
      loop.call_soon([counted = Counted()] {});
    }
    for (int i = 0; i < 100; ++i) {
      loop.stop();
      loop.run_until_idle();
    }
  }
  CHECK(Counted::live() == 0);
  CHECK(memory.balanced());
}

TEST_CASE_METHOD(Lifetime, "Lifetime: a loop that goes is not run by what it destroys",
                 "[lifetime]") {
  {
    EventLoop loop;
    loop.create_task(hold_and_yield(AtEnd([&] {
                                      try {
                                        loop.run_until_idle();
                                        note("ran");
                                      } catch (const InvalidStateError&) {
                                        note("refused");
                                      }
                                    }),
                                    5));
    loop.stop();
    loop.run_forever();
  }
  CHECK(trace == Trace{"refused"});
}

}  // namespace test_lifetime
