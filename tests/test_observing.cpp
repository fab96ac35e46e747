// Handles that observe: a program does the same with them and without them.
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

#if __has_include("treadle/observer.hpp")
#include "treadle/observer.hpp"
#endif

namespace test_observing {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::Coro;
using treadle::InvalidStateError;
using treadle::sleep_for;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

using Value = std::unique_ptr<int>;

Coro<Value> give_value() {
  co_await yield_now();
  co_return std::make_unique<int>(5);
}

Coro<> fail() {
  co_await yield_now();
  throw std::runtime_error("broken");
}

/// A program, with a trace of all that it does. If it is observed, a handle to each task is kept to the
/// end, and asked all that can be asked whenever the program says something.
class Program : public LoopFixture {
 public:
  explicit Program(bool observed) : observed_(observed) {
    loop.set_exception_handler(
        [this](const treadle::ErrorContext& context) { trace.push_back(describe(context)); });
#if __has_include("treadle/observer.hpp")
    if (observed_) loop.add_observer(observer_);
#endif
  }
  ~Program() {
    loop.close();
#if __has_include("treadle/observer.hpp")
    if (observed_) loop.remove_observer(observer_);
#endif
  }

  template <class T>
  Task<T> start(Coro<T> coro) {
    Task<T> task = loop.create_task(std::move(coro));
    if (observed_) seen_.push_back(task);
    return task;
  }

  void say(std::string line) {
    trace.push_back(std::move(line));
    for (const AnyTask& task : seen_) look_at(task);
  }

  /// A value that says when it is destroyed, and may cancel a task then.
  class Speaks {
   public:
    Speaks(Program& program, AnyTask other) : program_(&program), other_(std::move(other)) {}
    Speaks(Speaks&& from) noexcept
        : program_(std::exchange(from.program_, nullptr)), other_(std::move(from.other_)) {}
    ~Speaks() {
      if (program_ == nullptr) return;
      program_->say("destroyed");
      if (other_) other_.cancel("its value was destroyed");
    }

   private:
    Program* program_;
    AnyTask other_;
  };

 private:
  static void look_at(const AnyTask& task) {
    CHECK(task);
    static_cast<void>(task.waits_for());
#if __has_include("treadle/observer.hpp")
    static_cast<void>(task.stack());
    static_cast<void>(task.metrics());
#endif
    if (task.done() && !task.cancelled()) static_cast<void>(task.exception());
  }

#if __has_include("treadle/observer.hpp")
  class Observer : public treadle::LoopObserver {
   public:
    explicit Observer(Program& program) : program_(program) {}
    void on_create(const AnyTask& task) override { keep(task); }
    void on_resume(const AnyTask& task) override { keep(task); }
    void on_suspend(const AnyTask& task, treadle::WaitReason) override { keep(task); }
    void on_wake(const AnyTask& task, const AnyTask& by) override { keep(task), keep(by); }
    void on_cancel(const AnyTask& task) override { keep(task); }
    void on_finish(const AnyTask& task) override { keep(task); }

   private:
    void keep(const AnyTask& task) {
      if (task) program_.seen_.push_back(task);
    }
    Program& program_;
  };
  Observer observer_{*this};
#endif

  const bool observed_;
  std::vector<AnyTask> seen_;
};

// ---- Programs

void takes_a_value(Program& program) {
  const auto take = [](Program& p, Task<Value> task) -> Coro<> {
    const Value value = co_await std::move(task);
    p.say("has " + std::to_string(*value));
  };
  program.start(take(program, program.start(give_value())));
  program.run_until_idle();
}

void takes_a_value_of_a_done_task(Program& program) {
  Task<Value> task = program.start(give_value());
  program.run_until_idle();
  program.say("has " + std::to_string(*std::move(task).take()));
}

void drops_a_value(Program& program) {
  const auto give = [](Program& p) -> Coro<Program::Speaks> {
    co_await yield_now();
    co_return Program::Speaks(p, AnyTask());
  };
  {
    const auto task = program.start(give(program));
    program.run_until_idle();
    program.say("done");
  }
  program.say("dropped");
  program.start(give(program));
  program.run_until_idle();
  program.say("end");
}

void value_cancels_a_task(Program& program) {
  const auto sleeps = [](Program& p) -> Coro<> {
    try {
      co_await sleep_for(1h);
    } catch (const CancelledError& cancelled) {
      p.say(cancelled.message());
    }
  };
  const auto give = [](Program& p, AnyTask task) -> Coro<Program::Speaks> {
    co_await yield_now();
    co_return Program::Speaks(p, std::move(task));
  };
  const auto sleeper = program.start(sleeps(program));
  program.run_until_idle();
  program.start(give(program, sleeper));
  program.run_until_idle();
}

void loses_an_error(Program& program) {
  program.start(fail());
  program.run_until_idle();
  program.say("next");
  {
    const auto task = program.start(fail());
    program.run_until_idle();
    program.say("done");
  }
  program.say("end");
}

void sees_an_error_late(Program& program) {
  const auto task = program.start(fail());
  program.run_until_idle();
  program.say("done");
  CHECK_THROWS_AS(task.result(), std::runtime_error);
}

void is_closed(Program& program) {
  const auto sleeps = [](Program& p) -> Coro<int> {
    const Program::Speaks local(p, AnyTask());
    co_await sleep_for(1h);
    co_return 1;
  };
  const auto joins = [](Program& p, Task<int> task) -> Coro<> {
    try {
      co_await task;
    } catch (const CancelledError&) {
      p.say("cancelled");
      throw;
    }
  };
  program.start(joins(program, program.start(sleeps(program))));
  program.run_until_idle();
  program.loop.close();
  program.say("closed");
}

struct Case {
  const char* name;
  void (*run)(Program&);
  Trace expected;
};

TEST_CASE("Observing: a program does the same with and without handles that observe",
          "[observing]") {
  const std::string lost = " failed and nobody awaited it: broken";
  const Case programs[] = {
      {"takes a value", takes_a_value, {"has 5"}},
      {"takes a value of a done task", takes_a_value_of_a_done_task, {"has 5"}},
      {"drops a value", drops_a_value, {"done", "destroyed", "dropped", "destroyed", "end"}},
      {"value cancels a task",
       value_cancels_a_task,
       {"destroyed", "cancelled: its value was destroyed"}},
      {"loses an error", loses_an_error, {"Task-1" + lost, "next", "done", "Task-2" + lost, "end"}},
      {"sees an error late", sees_an_error_late, {"done"}},
      {"is closed", is_closed, {"destroyed", "cancelled", "closed"}},
  };
  for (const Case& each : programs) {
    for (const bool observed : {false, true}) {
      INFO(each.name << (observed ? ", observed" : ""));
      Program program(observed);
      each.run(program);
      CHECK(program.trace == each.expected);
    }
  }
}

// ---- What keeps a value, and what does not

TEST_CASE_METHOD(LoopFixture,
                 "Observing: a callback that does not ask for the value leaves it to its owner",
                 "[observing][done_callback]") {
  const auto take = [this](Task<Value> task) -> Coro<> {
    note("has " + std::to_string(*co_await std::move(task)));
  };
  Task<Value> task = loop.create_task(give_value());
  const auto taker = loop.create_task(take(task));
  loop.run_once();  // it waits, and goes on before the callbacks run
  task.add_done_callback([] {});
  task.add_done_callback([](const AnyTask& done) { CHECK(done.done()); });
  task = {};
  run_until_idle();
  CHECK(trace == Trace{"has 5"});
}

TEST_CASE_METHOD(LoopFixture, "Observing: a callback that asks for the value is an owner",
                 "[observing][done_callback]") {
  Task<Value> task = loop.create_task(give_value());
  const auto take = [](Task<Value> mine) -> Coro<Value> { co_return co_await std::move(mine); };
  const auto taker = loop.create_task(take(task));
  loop.run_once();
  task.add_done_callback(
      [this](const auto& done) { note("has " + std::to_string(*done.result())); });
  task = {};
  run_until_idle();
  CHECK(trace == Trace{"has 5"});
  CHECK_THROWS_AS(taker.result(), InvalidStateError);
}

TEST_CASE_METHOD(LoopFixture,
                 "Observing: a signal that is to cancel a task leaves its value to its owner",
                 "[observing][signals]") {
  Task<Value> task = loop.create_task(give_value());
  loop.cancel_on_signal(SIGUSR1, task);
  CHECK(*loop.run_until_complete(std::move(task)) == 5);
}

TEST_CASE_METHOD(LoopFixture,
                 "Observing: a value is destroyed with its last owner, an error is not",
                 "[observing][lifetime]") {
  AnyTask seen;
  {
    const auto task = loop.create_task([]() -> Coro<Counted> { co_return Counted(1); }());
    seen = task;
    run_until_idle();
    CHECK(Counted::live() == 1);
  }
  CHECK(Counted::live() == 0);
  CHECK(seen.exception() == nullptr);
  AnyTask failed = loop.create_task(fail());
  run_until_idle();
  CHECK(errors == Trace{"Task-2 failed and nobody awaited it: broken"});
  CHECK(failed.exception() != nullptr);
}

TEST_CASE_METHOD(LoopFixture, "Observing: to have seen an error is for an owner",
                 "[observing][errors]") {
  {
    const auto task = loop.create_task(fail());
    run_until_idle();
    CHECK(AnyTask(task).exception() != nullptr);
  }
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: broken"});
  {
    const auto task = loop.create_task(fail());
    run_until_idle();
    CHECK(task.exception() != nullptr);
  }
  CHECK(errors.size() == 1);
}

// ---- finished()

TEST_CASE_METHOD(LoopFixture, "Observing: finished() waits for the end, however it comes",
                 "[observing][join]") {
  const auto wait = [this](AnyTask task) -> Coro<> {
    co_await task.finished();
    note(std::string(to_string(task.state())));
  };
  const auto sleeps = []() -> Coro<> { co_await sleep_for(1h); };
  const auto sleeper = loop.create_task(sleeps());
  const auto failed = loop.create_task(fail());
  for (const AnyTask& task :
       {AnyTask(sleeper), AnyTask(failed), AnyTask(loop.create_task(give_value()))})
    loop.create_task(wait(task));
  run_until_idle();
  sleeper.cancel();
  run_until_idle();
  CHECK(trace == Trace{"failed", "finished", "cancelled"});
  CHECK(failed.exception() != nullptr);
}

TEST_CASE_METHOD(LoopFixture, "Observing: finished() does not count as having seen the error",
                 "[observing][join][errors]") {
  const auto wait = [](AnyTask task) -> Coro<> { co_await task.finished(); };
  loop.create_task(wait(loop.create_task(fail())));
  run_until_idle();
  CHECK(errors == Trace{"Task-1 failed and nobody awaited it: broken"});
  {
    const auto owner = loop.create_task(fail());
    loop.create_task(wait(owner));
    run_until_idle();
    CHECK(errors.size() == 1);
  }
  CHECK(errors.size() == 2);
}

TEST_CASE_METHOD(LoopFixture, "Observing: finished() that is cancelled leaves the task alone",
                 "[observing][join][cancel]") {
  const auto sleeps = []() -> Coro<> { co_await sleep_for(1h); };
  const auto wait = [](AnyTask task) -> Coro<> { co_await task.finished(); };
  const auto sleeper = loop.create_task(sleeps());
  const auto waiter = loop.create_task(wait(sleeper));
  run_until_idle();
  CHECK(waiter.waits_for() == "Task-1");
  waiter.cancel();
  run_until_idle();
  CHECK(waiter.cancelled());
  CHECK(!sleeper.done());
  sleeper.cancel();
  run_until_idle();
}

TEST_CASE_METHOD(LoopFixture,
                 "Observing: handles of either kind are equal and have one hash if the task is one",
                 "[observing]") {
  const auto a = loop.create_task(give_value());
  const auto b = loop.create_task(give_value());
  CHECK(a == AnyTask(a));
  CHECK(AnyTask(a) == a);
  CHECK(!(AnyTask(a) == b));
  CHECK(AnyTask() == AnyTask());
  const std::unordered_set<AnyTask> set{a, b, AnyTask(a), AnyTask()};
  CHECK(set.size() == 3);
  CHECK(set.contains(a));
  static_assert(std::is_nothrow_constructible_v<AnyTask, const Task<Value>&>);
}

}  // namespace test_observing
