#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/sleeper_fixture.hpp"
#include "treadle/run.hpp"
#include "treadle/sleep.hpp"

namespace test_cancel_token {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::CancelOrigin;
using treadle::CancelToken;
using treadle::Coro;
using treadle::Delay;
using treadle::EventLoop;
using treadle::get_current_task;
using treadle::get_running_loop;
using treadle::Sleep;
using treadle::Task;
using treadle::TaskState;
using treadle::TimerHandle;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::in_child;
using treadle::testing::SleeperFixture;
using treadle::testing::Trace;

class TimedOut : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

CancelledError time_is_up() { return CancelledError({}, CancelOrigin::kDeadline); }

/// What a Ctrl-C does.
void press_ctrl_c(const AnyTask& task) {
  task.block().cancel(CancelledError({}, CancelOrigin::kSignal, "SIGINT"));
}

/// Limits a part of a task, as a timeout does.
class Limit {
 public:
  Limit(EventLoop& loop, AnyTask task, Delay limit)
      : task_(std::move(task)),
        deliveries_(task_.cancel_deliveries()),
        timer_(loop.call_later(limit, [this] { pass(); })) {}
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit() { timer_.cancel(); }

  void pass() { task_.cancel(time_is_up(), token_); }

  /// Takes the request back. True if the CancelledError that came out was no other's.
  bool was_the_reason() {
    timer_.cancel();
    const bool delivered = token_.delivered();
    task_.uncancel(token_);
    return delivered && task_.cancelling_since(deliveries_) == 0;
  }

 private:
  const AnyTask task_;
  const std::uint32_t deliveries_;
  CancelToken token_;
  TimerHandle timer_;
};

Coro<> within(Delay limit, Coro<> work, std::string name = "limit") {
  EventLoop& loop = co_await get_running_loop();
  Limit time(loop, co_await get_current_task(), limit);
  try {
    co_await std::move(work);
  } catch (const CancelledError&) {
    if (time.was_the_reason()) throw TimedOut(name);
    throw;
  }
}

/// A fixture with tasks that say how they ended.
class Tokens : public SleeperFixture {
 public:
  void say_how(const std::exception_ptr& error) { note(treadle::describe(error)); }

  Coro<> pass(Coro<> inner) { co_await std::move(inner); }

  /// Runs `work`, says how it ended, and goes on.
  Coro<> report(Coro<> work) {
    try {
      co_await std::move(work);
      note("done");
    } catch (...) {
      say_how(std::current_exception());
    }
  }

  void at(treadle::Clock::duration when, std::function<void()> f) {
    loop.call_later(when, std::move(f));
  }
};

// ---- One token

TEST_CASE_METHOD(Tokens, "CancelToken: its request is delivered as any other", "[cancel][token]") {
  CancelToken token;
  const auto task = spawn("a", wait("a"));
  run_until_idle();
  CHECK_FALSE(token.requested());
  CHECK(task.cancel(CancelledError("enough", CancelOrigin::kCode, "the test"), token));
  CHECK(token.requested());
  CHECK_FALSE(token.delivered());
  CHECK(task.cancelling() == 1);
  run_until_idle();
  CHECK(trace == Trace{"a cancelled by the test: enough"});
  CHECK(task.cancelled());
  CHECK(token.delivered());
  CHECK(task.cancelling() == 1);
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: it makes one request at a time, and of a task that is not done",
                 "[cancel][token]") {
  CancelToken token;
  const auto first = spawn("a", wait("a"));
  const auto second = spawn("b", wait("b"));
  run_until_idle();
  CHECK(first.cancel(time_is_up(), token));
  CHECK_FALSE(first.cancel(time_is_up(), token));
  CHECK_FALSE(second.cancel(time_is_up(), token));
  CHECK(second.uncancel(token) == 0);
  CHECK(first.cancelling() == 1);
  CHECK(token.requested());
  run_until_idle();
  CHECK(first.uncancel(token) == 0);
  CHECK_FALSE(first.cancel(time_is_up(), token));
  CHECK_FALSE(token.requested());
  CHECK(second.cancel(time_is_up(), token));
  run_until_idle();
  CHECK(second.cancelled());
}

TEST_CASE_METHOD(Tokens, "CancelToken: taken back, the request is not delivered",
                 "[cancel][token][uncancel]") {
  CancelToken token;
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel(time_is_up(), token);
    CHECK(task.uncancel(token) == 0);
    CHECK(task.uncancel(token) == 0);
    co_await Sleep(1s);
    note("slept");
  });
  run_to_end();
  CHECK(trace == Trace{"slept"});
  CHECK(task.state() == TaskState::kFinished);
}

TEST_CASE_METHOD(Tokens, "CancelToken: destroyed, it takes its request back",
                 "[cancel][token][uncancel][lifetime]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await Sleep(1s);
    note("slept");
  });
  {
    CancelToken token;
    task.cancel(time_is_up(), token);
    CHECK(task.cancelling() == 1);
  }
  CHECK(task.cancelling() == 0);
  run_to_end();
  CHECK(trace == Trace{"slept"});
}

TEST_CASE_METHOD(Tokens, "CancelToken: it may outlive its task and the loop of that",
                 "[cancel][token][lifetime]") {
  CancelToken token;
  CancelToken other;
  {
    EventLoop brief;
    CHECK(brief.create_task([]() -> Coro<> { co_await Sleep(1h); }()).cancel(time_is_up(), token));
    brief.run_until_idle();
    CHECK(brief.create_task([]() -> Coro<> { co_await Sleep(1h); }()).cancel(time_is_up(), other));
  }
  CHECK(token.delivered());
}

TEST_CASE_METHOD(Tokens, "CancelToken: taken back, each request leaves the others",
                 "[cancel][token][uncancel]") {
  std::vector<CancelToken> tokens(3);
  for (std::size_t taken = 0; taken < tokens.size(); ++taken) {
    const auto task = spawn("a", wait("a"));
    run_until_idle();
    const char* const names[] = {"0", "1", "2"};
    for (std::size_t i = 0; i < tokens.size(); ++i)
      task.cancel(CancelledError(names[i]), tokens[i]);
    CHECK(task.uncancel(tokens[taken]) == 2);
    run_until_idle();
    for (auto& token : tokens) task.uncancel(token);
    CHECK(task.cancelling() == 0);
  }
  CHECK(trace == Trace{"a cancelled: 1", "a cancelled: 0", "a cancelled: 0"});
}

TEST_CASE_METHOD(Tokens, "CancelToken: a request without a token is taken back by none",
                 "[cancel][token][uncancel]") {
  CancelToken first;
  CancelToken second;
  const auto task = spawn("a", wait("a"));
  task.cancel(CancelledError("first"), first);
  task.cancel("without");
  task.cancel(CancelledError("second"), second);
  CHECK(task.uncancel() == 2);  // the one without
  CHECK(task.uncancel() == 2);  // there is no other
  CHECK(first.requested());
  CHECK(second.requested());
  CHECK(task.uncancel(first) == 1);
  CHECK(task.uncancel(second) == 0);
  task.cancel("without");
  CHECK(task.uncancel(first) == 1);
  CHECK(task.cancelling() == 1);
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: after the wait was withdrawn the task hears, whatever is taken back",
                 "[cancel][token][uncancel]") {
  for (const bool with_token : {true, false}) {
    trace.clear();
    std::optional<CancelToken> token(std::in_place);
    const auto task = spawn("a", wait("a"));
    run_until_idle();
    if (with_token) {
      task.cancel(CancelledError("why"), *token);
      token.reset();
    } else {
      task.block().cancel(CancelledError("why"));
      task.uncancel();
    }
    CHECK(task.cancelling() == 0);
    run_until_idle();
    CHECK(trace == Trace{"a cancelled: why"});
    CHECK(task.cancelled());
  }
}

TEST_CASE_METHOD(Tokens, "CancelToken: after the wait was withdrawn the task hears of what is left",
                 "[cancel][token][uncancel]") {
  std::optional<CancelToken> token(std::in_place);
  const auto task = spawn("a", wait("a"));
  run_until_idle();
  task.cancel(time_is_up(), *token);
  token.reset();
  press_ctrl_c(task);
  run_until_idle();
  CHECK(trace == Trace{"a cancelled by SIGINT"});
}

TEST_CASE_METHOD(Tokens, "CancelToken: to cancel with it allocates nothing",
                 "[cancel][token][lifetime]") {
  std::vector<Task<>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(spawn("a", []() -> Coro<> { co_await Sleep(1h); }));
  std::vector<CancelToken> tokens(tasks.size());
  std::size_t allocated = 1;
  run_until_idle();
  const CancelledError request("a reason that is too long to be in the string itself");
  loop.call_soon([&] {
    const AllocationCheck memory;
    for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i].cancel(request, tokens[i]);
    allocated = memory.made();
  });
  run_until_idle();
  CHECK(allocated == 0);
  for (const auto& task : tasks) CHECK(task.cancelled());
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: a task that refuses for ever keeps no more than a few requests",
                 "[cancel][lifetime]") {
  const auto refused = std::make_shared<int>(0);  // the task goes on until its loop is closed
  const auto task = spawn("a", [refused]() -> Coro<> {
    for (;;) {
      try {
        co_await Sleep(1h);
      } catch (const CancelledError&) {
        ++*refused;
      }
    }
  });
  run_until_idle();
  const auto refuse = [&](int times) {
    for (int i = 0; i < times; ++i) {
      task.cancel("a reason that is too long to be in the string itself");
      run_until_idle();
    }
  };
  refuse(10);
  AllocationCheck memory;
  refuse(10);
  const bool balanced = memory.balanced();
  CHECK(balanced);
  CHECK(task.cancelling() == 20);
  for (std::size_t left = 20; left > 0; --left) CHECK(task.uncancel() == left - 1);
}

// ---- Which reason is told

TEST_CASE_METHOD(
    Tokens, "CancelToken: thrown on, a request that was taken back becomes the oldest that is left",
    "[cancel][token][uncancel]") {
  CancelToken token;
  AnyTask self;
  const auto task = spawn("a", [&]() -> Coro<> {
    try {
      co_await pass([](Tokens& fixture, AnyTask& own, CancelToken& mine) -> Coro<> {
        std::exception_ptr error;
        try {
          co_await fixture.wait("inner");
        } catch (const CancelledError&) {
          error = std::current_exception();
        }
        own.uncancel(mine);
        std::rethrow_exception(error);
      }(*this, self, token));
    } catch (const CancelledError& cancelled) {
      note("outer " + cancelled.message());
      throw;
    }
  });
  self = task;
  run_until_idle();
  task.cancel(time_is_up(), token);
  task.cancel("first");
  press_ctrl_c(task);
  run_until_idle();
  CHECK(trace == Trace{"inner cancelled because time is up", "outer cancelled: first"});
  CHECK_THROWS_AS(task.result(), CancelledError);
  CHECK(treadle::as_cancelled(task.block().error())->reason() == "first");
}

TEST_CASE_METHOD(Tokens, "CancelToken: thrown on without another request, it stays what it was",
                 "[cancel][token][uncancel]") {
  CancelToken token;
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    try {
      co_await wait("inner");
    } catch (const CancelledError&) {
      task.uncancel(token);
      throw;
    }
  });
  run_until_idle();
  task.cancel(CancelledError("alone"), token);
  run_until_idle();
  CHECK(task.cancelled());
  CHECK(treadle::as_cancelled(task.block().error())->reason() == "alone");
  CHECK(task.cancelling() == 0);
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: an argument that holds the token takes the request back in time",
                 "[cancel][token][uncancel]") {
  const auto task = spawn("a", [](std::unique_ptr<CancelToken> token, Tokens& fixture) -> Coro<> {
    const AnyTask self = co_await get_current_task();
    fixture.loop.call_soon([&] {
      self.cancel(time_is_up(), *token);
      press_ctrl_c(self);
    });
    co_await fixture.wait("a");
  }(std::make_unique<CancelToken>(), *this));
  run_until_idle();
  CHECK(trace == Trace{"a cancelled because time is up"});
  CHECK(treadle::as_cancelled(task.block().error())->origin() == CancelOrigin::kSignal);
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: a CancelledError that is not the task's own is passed on unchanged",
                 "[cancel][token]") {
  CancelToken token;
  const auto other = spawn("other", wait("other"));
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    task.cancel("refused");
    co_await report(wait("a"));
    co_await pass(pass([](Task<> awaited) -> Coro<> { co_await awaited; }(other)));
  });
  const auto unasked = spawn("b", [&]() -> Coro<> {
    press_ctrl_c(co_await get_current_task());
    co_await report(wait("b"));
    throw CancelledError("by myself");
  });
  run_until_idle();
  other.cancel("the other");
  run_until_idle();
  CHECK(treadle::as_cancelled(task.block().error())->reason() == "the other");
  CHECK(treadle::as_cancelled(unasked.block().error())->reason() == "by myself");
}

TEST_CASE_METHOD(Tokens, "CancelToken: each refused request is told with its own reason",
                 "[cancel][token]") {
  CancelToken token;
  const auto task = spawn("a", [this]() -> Coro<> {
    for (int i = 0; i < 3; ++i) co_await report(wait("a"));
  });
  run_until_idle();
  task.cancel("first");
  run_until_idle();
  task.cancel(CancelledError("second"), token);
  run_until_idle();
  press_ctrl_c(task);
  task.cancel("fourth");
  run_until_idle();
  CHECK(trace == Trace{"a cancelled: first", "cancelled: first", "a cancelled: second",
                       "cancelled: second", "a cancelled by SIGINT", "cancelled by SIGINT"});
  CHECK(task.cancelling() == 4);
  CHECK(task.cancelling_since(0) == 4);
  CHECK(task.cancelling_since(2) == 2);
  CHECK(task.cancel_deliveries() == 3);
}

// ---- Timeouts

TEST_CASE_METHOD(Tokens, "CancelToken: a timeout knows its own deadline",
                 "[cancel][token][timeout]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await report(within(2s, wait("a")));
    co_await Sleep(1s);
    note("goes on");
  });
  run_to_end();
  CHECK(trace == Trace{"a cancelled because time is up", "limit", "goes on"});
  CHECK(task.cancelling() == 0);
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: Ctrl-C and a deadline in one turn are a Ctrl-C, in both orders",
                 "[cancel][token][timeout]") {
  for (const bool deadline_first : {true, false}) {
    trace.clear();
    Task<> task;
    const auto ctrl_c = [&] { press_ctrl_c(task); };
    if (!deadline_first) at(2s, ctrl_c);
    task = spawn("a", report(pass(within(2s, wait("a")))));
    run_until_idle();
    if (deadline_first) at(2s, ctrl_c);
    run_to_end();
    CHECK(trace ==
          Trace{deadline_first ? "a cancelled because time is up" : "a cancelled by SIGINT",
                "cancelled by SIGINT"});
    CHECK(task.cancelling() == 1);
  }
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: a deadline that passes in the cleanup after Ctrl-C changes nothing",
                 "[cancel][token][timeout]") {
  const auto tidies = [](Tokens& fixture, bool waits) -> Coro<> {
    std::exception_ptr error;
    try {
      co_await fixture.wait("a");
    } catch (const CancelledError&) {
      error = std::current_exception();
    }
    if (waits) co_await fixture.report(fixture.wait("cleanup"));
    std::rethrow_exception(error);
  };
  const auto gives_way = [](Tokens& fixture) -> Coro<> {
    bool cancelled = false;
    try {
      co_await fixture.wait("a");
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (cancelled) co_await fixture.wait("cleanup");
  };
  for (const int shape : {0, 1, 2}) {
    trace.clear();
    const auto task =
        spawn("a", report(within(2s, shape == 2 ? gives_way(*this) : tidies(*this, shape == 1))));
    at(1s, [&] { press_ctrl_c(task); });
    run_to_end();
    CHECK(trace.front() == "a cancelled by SIGINT");
    CHECK(trace.back() == "cancelled by SIGINT");
    CHECK(trace.size() == (shape == 0 ? 2U : shape == 1 ? 4U : 3U));
    CHECK(task.cancelling() == 1);
  }
}

TEST_CASE_METHOD(Tokens, "CancelToken: of nested timeouts each knows its own",
                 "[cancel][token][timeout]") {
  struct Case {
    treadle::Clock::duration outer, inner;
    Trace expected;
  };
  for (const auto& [outer, inner, expected] :
       {Case{2s, 1s, {"a cancelled because time is up", "inner"}},
        Case{1s, 2s, {"a cancelled because time is up", "outer"}},
        Case{1s, 1s, {"a cancelled because time is up", "outer"}}}) {
    trace.clear();
    const auto task = spawn("a", report(within(outer, within(inner, wait("a"), "inner"), "outer")));
    run_to_end();
    CHECK(trace == expected);
    CHECK(task.cancelling() == 0);
  }
}

TEST_CASE_METHOD(Tokens, "CancelToken: nested timeouts and Ctrl-C in one turn are a Ctrl-C",
                 "[cancel][token][timeout]") {
  Task<> task;
  task = spawn("a", report(within(1s, within(1s, pass(within(1s, wait("a")))))));
  run_until_idle();
  at(1s, [&] { press_ctrl_c(task); });
  run_to_end();
  CHECK(trace == Trace{"a cancelled because time is up", "cancelled by SIGINT"});
  CHECK(task.cancelling() == 1);
}

TEST_CASE_METHOD(Tokens, "CancelToken: the outer deadline passes on the inner one's way out",
                 "[cancel][token][timeout]") {
  const auto inner = [](Tokens& fixture, Limit& outer) -> Coro<> {
    try {
      co_await within(1s, fixture.wait("a"), "inner");
    } catch (const TimedOut&) {
      outer.pass();  // the task has not heard of it when its own error is out
      throw;
    }
  };
  const auto task = spawn("a", [&]() -> Coro<> {
    Limit outer(loop, co_await get_current_task(), 5s);
    co_await report(inner(*this, outer));
    CHECK_FALSE(outer.was_the_reason());
    co_await Sleep(10s);
    note("slept");
  });
  run_to_end();
  CHECK(trace == Trace{"a cancelled because time is up", "inner", "slept"});
  CHECK(task.cancelling() == 0);
}

TEST_CASE_METHOD(
    Tokens,
    "CancelToken: a request of which the task has not heard goes out with an error in flight",
    "[cancel][token][timeout]") {
  const auto presses = [](Tokens& fixture) -> Coro<> {
    try {
      co_await fixture.wait("a");
    } catch (const CancelledError&) {
      press_ctrl_c(fixture.loop.current_task());
      throw;
    }
  };
  const auto task = spawn("a", [&]() -> Coro<> {
    co_await report(within(1s, presses(*this)));
    co_await yield_now();
    note("goes on");
  });
  run_to_end();
  CHECK(trace == Trace{"a cancelled because time is up", "cancelled by SIGINT", "goes on"});
  CHECK(task.cancelling() == 1);
}

TEST_CASE_METHOD(Tokens, "CancelToken: a deadline behind a request that was refused is a deadline",
                 "[cancel][token][timeout]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await report(wait("a"));
    co_await report(within(1s, wait("b")));
  });
  run_until_idle();
  press_ctrl_c(task);
  run_to_end();
  CHECK(trace == Trace{"a cancelled by SIGINT", "cancelled by SIGINT",
                       "b cancelled because time is up", "limit"});
  CHECK(task.cancelling() == 1);
}

TEST_CASE_METHOD(Tokens, "CancelToken: a deadline that was refused leaves nothing behind",
                 "[cancel][token][timeout]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await report(within(1s, report(wait("a"))));
    co_await Sleep(1s);
    note("slept");
  });
  run_to_end();
  CHECK(trace ==
        Trace{"a cancelled because time is up", "cancelled because time is up", "done", "slept"});
  CHECK(task.cancelling() == 0);
}

TEST_CASE_METHOD(Tokens, "CancelToken: work that is over when the time is up has its result",
                 "[cancel][token][timeout]") {
  const auto task = spawn("a", [this]() -> Coro<> {
    co_await report(within(1s, []() -> Coro<> { co_await Sleep(1s); }()));
    co_await Sleep(1s);
    note("slept");
  });
  run_to_end();
  CHECK((trace == Trace{"done", "slept"} || trace == Trace{"limit", "slept"}));
  CHECK(task.cancelling() == 0);
}

TEST_CASE("CancelToken: a deadline beside Ctrl-C does not hide it from run()",
          "[cancel][token][timeout][signal][real-time]") {
  for (const bool deadline_first : {true, false}) {
    const auto ending = in_child([&] {
      treadle::run([](bool first) -> Coro<> {
        EventLoop& loop = co_await get_running_loop();
        const AnyTask self = co_await get_current_task();
        Limit limit(loop, self, 1h);
        loop.call_soon([&] {
          if (first) limit.pass();
          press_ctrl_c(self);
          if (!first) limit.pass();
        });
        try {
          co_await Sleep(1h);
        } catch (const CancelledError&) {
          if (limit.was_the_reason()) throw TimedOut("limit");
          throw;
        }
      }(deadline_first));
    });
    CHECK(ending.said.empty());
    CHECK(ending.signal == SIGINT);
  }
}

// ---- Causes

TEST_CASE("CancelToken: a CancelledError is small, and copied without throwing",
          "[cancel][cause]") {
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<CancelledError>);
  STATIC_REQUIRE(std::is_nothrow_copy_assignable_v<CancelledError>);
  STATIC_REQUIRE(sizeof(CancelledError) <= 4 * sizeof(void*));
}

TEST_CASE("CancelToken: causes are added behind those that are there", "[cancel][cause]") {
  const auto make = [](const char* text) {
    return std::make_exception_ptr(std::runtime_error(text));
  };
  const CancelledError plain("a sibling failed");
  CHECK(plain.causes().empty());
  const CancelledError once = plain.caused_by(make("no route"));
  const CancelledError twice = once.caused_by(make("no cable"));
  CHECK(plain.causes().empty());
  CHECK(once.causes().size() == 1);
  CHECK(twice.causes().size() == 2);
  CHECK(twice.reason() == "a sibling failed");
  CHECK(twice.message() == "cancelled: a sibling failed");
  CHECK(treadle::describe(std::make_exception_ptr(twice)) ==
        "cancelled: a sibling failed [because of: no route; because of: no cable]");
  const CancelledError outer =
      CancelledError("the group ends").caused_by(std::make_exception_ptr(once));
  CHECK(
      treadle::describe(std::make_exception_ptr(outer)) ==
      "cancelled: the group ends [because of: cancelled: a sibling failed [because of: no route]]");
  CHECK(treadle::describe(make("no route")) == "no route");
  CHECK(treadle::describe(std::make_exception_ptr(7)) == "an object that is no std::exception");
}

TEST_CASE("CancelToken: causes that never end are shown up to a depth", "[cancel][cause]") {
  CancelledError deep("0");
  for (int i = 1; i < 20; ++i)
    deep = CancelledError(std::to_string(i)).caused_by(std::make_exception_ptr(deep));
  const std::string text = treadle::describe(std::make_exception_ptr(deep));
  CHECK_THAT(text, ContainsSubstring("cancelled: 12"));
  CHECK_THAT(text, ContainsSubstring("[...]"));
  CHECK_THAT(text, !ContainsSubstring("cancelled: 10"));
}

TEST_CASE_METHOD(Tokens,
                 "CancelToken: a request brings its causes, and what is added on the way out stays",
                 "[cancel][cause][uncancel]") {
  const auto make = [](const char* text) {
    return std::make_exception_ptr(std::runtime_error(text));
  };
  CancelToken token;
  Task<> task;
  task = spawn("a", [&]() -> Coro<> {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError& cancelled) {
      say_how(std::current_exception());
      task.uncancel(token);
      throw cancelled.caused_by(make("cannot clean up"));
    }
  });
  run_until_idle();
  task.cancel(time_is_up().caused_by(make("slow disk")), token);
  task.block().cancel(CancelledError("stop").caused_by(make("full disk")));
  run_until_idle();
  say_how(task.block().error());
  CHECK(trace == Trace{"cancelled because time is up [because of: slow disk]",
                       "cancelled: stop [because of: full disk; because of: cannot clean up]"});
}

TEST_CASE_METHOD(Tokens, "CancelToken: an exception handler is told of the causes",
                 "[cancel][cause][errors]") {
  loop.call_soon([] {
    throw CancelledError("stop").caused_by(
        std::make_exception_ptr(std::runtime_error("full disk")));
  });
  run_until_idle();
  REQUIRE(errors.size() == 1);
  CHECK_THAT(errors[0], ContainsSubstring("cancelled: stop [because of: full disk]"));
}

TEST_CASE("CancelToken: as_cancelled finds a CancelledError and what inherits it", "[cancel]") {
  class Special : public std::runtime_error, public CancelledError {
   public:
    Special() : std::runtime_error("special"), CancelledError("as well") {}
  };
  CHECK(treadle::as_cancelled(nullptr) == nullptr);
  CHECK(treadle::as_cancelled(std::make_exception_ptr(1)) == nullptr);
  CHECK(treadle::as_cancelled(std::make_exception_ptr(std::runtime_error("no"))) == nullptr);
  const int number = 7;
  CHECK(treadle::as_cancelled(std::make_exception_ptr(&number)) == nullptr);
  const auto plain = std::make_exception_ptr(CancelledError("why"));
  REQUIRE(treadle::as_cancelled(plain) != nullptr);
  CHECK(treadle::as_cancelled(plain)->reason() == "why");
  const auto special = std::make_exception_ptr(Special());
  REQUIRE(treadle::as_cancelled(special) != nullptr);
  CHECK(treadle::as_cancelled(special)->reason() == "as well");
}

}  // namespace test_cancel_token
