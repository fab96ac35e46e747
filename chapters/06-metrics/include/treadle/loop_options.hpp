// loop_options.hpp: what a loop is asked to do besides running tasks.
//
// Counting is always on: it costs an instruction. Reading a clock costs several times what a switch
// between tasks does, so who wants to know where the time goes says so. `debug` is for development:
// what costs more and says more.
//
//   EventLoop loop({.debug = true, .slow_step = 50ms});
//
// Invariants
//   1. An aggregate, so that options are named where they are given, and trivially destructible:
//      g++ 12 destroys a temporary of any other aggregate twice when it stands in an expression with
//      co_await.
//
// Thread safety: a value.
#pragma once

#include <type_traits>

#include "treadle/clock.hpp"

namespace treadle {

/// What a loop does that is stuck: it has nothing to run, no timer, no descriptor, no signal handler
/// and no work under way (EventLoop::work_started()), so that only another thread can make something
/// ready, unannounced.
enum class WhenStuck {
  kDefault,  ///< kRaise while the process has never started a thread, kReportAndWait from then on.
  kRaise,    ///< The run function throws DeadlockError: the loop counts on no other thread.
  kReportAndWait,  ///< Reports which task waits for what, once until that changes, and waits.
  kWait,           ///< Waits: the loop is one that other threads feed.
};

struct LoopOptions {
  /// Errors are reported with the place where their task was made and the chain of co_awaits out of
  /// which they came; and steps are watched, see slow_step.
  bool debug = false;

  /// Times are kept: TaskMetrics and LoopMetrics say how long, and not only how often. Reads the
  /// clock once for each step.
  bool timing = false;

  /// A step that holds the loop for this long, or longer, is reported to the exception handler. Zero
  /// means never, or in debug mode after 100 ms, as asyncio has it. Reads the clock once for each
  /// step.
  Clock::duration slow_step{0};

  /// What a stuck loop does.
  WhenStuck when_stuck = WhenStuck::kDefault;

  static constexpr Clock::duration kSlowInDebugMode = std::chrono::milliseconds(100);

  /// What slow_step comes to; zero where steps are not watched.
  constexpr Clock::duration slow() const noexcept {
    return slow_step > Clock::duration::zero() || !debug ? slow_step : kSlowInDebugMode;
  }
};

static_assert(std::is_aggregate_v<LoopOptions> && std::is_trivially_destructible_v<LoopOptions>);

}  // namespace treadle
