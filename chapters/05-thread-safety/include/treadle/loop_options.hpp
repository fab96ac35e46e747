// loop_options.hpp: what a loop is asked to do besides running tasks.
//
//   EventLoop loop({.when_stuck = WhenStuck::kRaise});
//
// Invariants
//   1. An aggregate, so that options are named where they are given, and trivially destructible:
//      g++ 12 destroys a temporary of any other aggregate twice when it stands in an expression with
//      co_await.
//
// Thread safety: a value.
#pragma once

#include <type_traits>

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
  /// What a stuck loop does.
  WhenStuck when_stuck = WhenStuck::kDefault;
};

static_assert(std::is_aggregate_v<LoopOptions> && std::is_trivially_destructible_v<LoopOptions>);

}  // namespace treadle
