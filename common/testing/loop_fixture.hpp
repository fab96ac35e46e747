// loop_fixture.hpp: a loop under test, and a trace of what happened in it.
//
// Arrange, run until idle, compare the whole trace. From the stage on that has clocks the loop goes by a virtual one. A
// test that would hang fails instead, with the loop's own account of who waits for what.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "testing/hang_watch.hpp"
#include "testing/time_limit.hpp"
#include "treadle/event_loop.hpp"

#if __has_include("treadle/clock.hpp")
#include "testing/virtual_clock.hpp"
#endif
#if __has_include("treadle/loop_options.hpp")
#include "treadle/loop_options.hpp"
#define TREADLE_TESTS_HAVE_OPTIONS
#endif

// Whether the numbers of tasks are of the whole process, and go on from test to test unless they are told not to.
#if __has_include("treadle/task_record.hpp")
#define TREADLE_TESTS_RESTART_IDS
#endif

namespace treadle::testing {

using Trace = std::vector<std::string>;

/// Makes a loop that ends its run if it is stuck, whether or not a test has started a thread before. The arguments are a
/// clock, or nothing: `EventLoop loop = make_loop(clock);`.
template <class... Clocks>
EventLoop make_loop(Clocks&... clock) {
#ifdef TREADLE_TESTS_HAVE_OPTIONS
  return EventLoop(LoopOptions{.when_stuck = WhenStuck::kRaise}, clock...);
#else
  return EventLoop(clock...);
#endif
}

class LoopFixture {
 public:
#ifdef TREADLE_TESTS_HAVE_OPTIONS
  explicit LoopFixture(WhenStuck when_stuck) : LoopFixture(LoopOptions{.when_stuck = when_stuck}) {}
  explicit LoopFixture(const LoopOptions& options) : loop(options, clock) { begin(); }
  LoopFixture() : LoopFixture(WhenStuck::kRaise) {}
#else
  LoopFixture() { begin(); }
#endif
  LoopFixture(const LoopFixture&) = delete;
  LoopFixture& operator=(const LoopFixture&) = delete;

  /// The next task is number 1 again. Needed by a test that names tasks and has no fixture.
  static void restart_ids() noexcept {
#ifdef TREADLE_TESTS_RESTART_IDS
    restart_task_ids();
#endif
  }

  /// One line of the trace.
  void note(std::string line) { trace.push_back(std::move(line)); }

  /// Makes a task of `coro`. The name is for people.
  template <class T>
  Task<T> spawn(const std::string& /*name*/, Coro<T> coro) {
    return loop.create_task(std::move(coro));
  }

  /// Makes a task of what `body()` gives. A lambda with captures is kept until the fixture goes: a coroutine uses its
  /// captures for as long as it runs.
  template <std::invocable F>
  auto spawn(const std::string& name, F body) {
    return spawn(name, keep(std::move(body))());
  }

  /// Runs `body()` to its end and gives its value.
  template <std::invocable F>
  auto run(F body) {
    auto task = loop.create_task(keep(std::move(body))());
    const TaskBlock& block = task.block();  // the loop keeps it until it is done
    try {
      return loop.run_until_complete(std::move(task));
    } catch (const InvalidStateError&) {
      if (hangs_.hung())
        FAIL("the test hangs: " << block.label() << " waits for " << block.waits_for());
      throw;
    }
  }

  /// The test has hung, and the loop was told to stop.
  bool hung() const noexcept { return hangs_.hung(); }

  /// Runs what is ready, without waiting and without moving the clock.
  void run_until_idle() { loop.run_until_idle(); }

  /// Runs until all tasks are done, moving the clock. A deadlock fails the test, and says who waits for what.
  void run_to_end() {
    loop.run_forever();
    if (hangs_.hung())
      FAIL("the test hangs: a task waits for a descriptor that never becomes ready");
  }

 private:
  void begin() {
    Counted::reset();
    restart_ids();
    loop.set_exception_handler(
        [this](const ErrorContext& context) { errors.push_back(describe(context)); });
  }

  // Any function object. A shared_ptr<void> could hold it as well, and would cost each test's compilation a fifth.
  struct Kept {
    virtual ~Kept() = default;
  };
  template <class F>
  struct KeptBody final : Kept {
    explicit KeptBody(F f) : body(std::move(f)) {}
    F body;
  };

  template <class F>
  F& keep(F body) {
    auto* const kept = new KeptBody<F>(std::move(body));
    kept_.emplace_back(kept);
    return kept->body;
  }

  static void stop(void* loop) { static_cast<EventLoop*>(loop)->stop(); }

  std::vector<std::unique_ptr<Kept>> kept_;  // before the loop, so that it outlives all frames

 public:
  Trace trace;
  Trace errors;  // what the exception handler was told
#if __has_include("treadle/clock.hpp")
  VirtualClock clock;
#ifdef TREADLE_TESTS_HAVE_OPTIONS
  EventLoop loop;
#else
  EventLoop loop{clock};
#endif

  /// Moves the clock and runs what that made due.
  void advance(Clock::duration by) {
    clock.advance(by);
    run_until_idle();
  }
#else
  EventLoop loop;
#endif

 private:
  HangWatch hangs_{time_limit(), &LoopFixture::stop, &loop};
};

#ifdef TREADLE_TESTS_HAVE_OPTIONS

/// The same for a test in which other threads bring the loop something: it waits for them where it is stuck.
class ThreadedLoopFixture : public LoopFixture {
 public:
  ThreadedLoopFixture() : LoopFixture(WhenStuck::kWait) {}
};

#endif

}  // namespace treadle::testing
