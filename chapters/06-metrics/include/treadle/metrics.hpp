// metrics.hpp: what a task and a loop have cost, as numbers.
//
// These are snapshots: plain values, taken at one moment, that nothing changes any more. They can be
// compared, kept, and handed to another thread. How they are printed is no concern of theirs: see
// report.hpp.
//
// What is counted is always counted. Times are kept only by a loop that was asked to (LoopOptions);
// those of another are zero, and `timed` says so.
//
// Thread safety: values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

#include "treadle/clock.hpp"
#include "treadle/stack_entry.hpp"
#include "treadle/wait_reason.hpp"

namespace treadle {

/// How long a task has waited, by reason.
class WaitTimes {
 public:
  Clock::duration operator[](WaitReason reason) const noexcept {
    return times_[static_cast<std::size_t>(reason)];
  }
  void add(WaitReason reason, Clock::duration time) noexcept {
    times_[static_cast<std::size_t>(reason)] += time;
  }
  Clock::duration total() const noexcept {
    return std::accumulate(times_.begin(), times_.end(), Clock::duration::zero());
  }

 private:
  std::array<Clock::duration, kWaitReasons> times_{};
};

/// What one task has cost so far. Where the task lives still, the wait or the step that it is in
/// counts up to the moment of the snapshot; so execution and waits add up to its age.
struct TaskMetrics {
  std::uint64_t id = 0;
  std::string name;
  std::string_view state;      ///< `suspended`
  StackEntry made_at;          ///< The call that made the task.
  std::uint64_t suspends = 0;  ///< How often it has been suspended, to wait or to let others run.

  bool timed = false;           ///< Whether the loop keeps times.
  Clock::time_point created;    ///< By the loop's clock.
  Clock::time_point started;    ///< Zero before the first step.
  Clock::time_point finished;   ///< Zero before the end.
  Clock::duration age{};        ///< From its creation to the end, or to the snapshot.
  Clock::duration execution{};  ///< All its steps together.
  WaitTimes waits;              ///< All between them, by reason.
  Clock::duration longest_step{};
  StackEntry longest_step_end;  ///< The co_await that ended the longest step.

  /// All waits together.
  Clock::duration suspended() const noexcept { return waits.total(); }
};

/// What a loop has done so far.
struct LoopMetrics {
  std::uint64_t turns = 0;
  std::uint64_t tasks_created = 0;
  std::uint64_t tasks_finished = 0;
  std::uint64_t tasks_failed = 0;
  std::uint64_t tasks_cancelled = 0;
  std::uint64_t most_ready = 0;    ///< The most that were ready when a turn began.
  std::uint64_t timers_armed = 0;  ///< Sleeps and callbacks that wait for their time.
  std::uint64_t timers_fired = 0;  ///< Those of them whose time has come.
  std::uint64_t io_at_once = 0;    ///< Operations on sockets that did not have to wait,
  std::uint64_t io_waits = 0;      ///< and those that did.
  std::uint64_t posts = 0;         ///< What came from other threads.
  std::uint64_t slow_steps = 0;    ///< Those that were reported.

  // Gauges: how many there are at the moment of the snapshot. A closed loop has none.
  std::uint64_t ready_now = 0;            ///< Steps and callbacks that are ready for the next turn.
  std::uint64_t timers_pending = 0;       ///< Sleeps and callbacks whose time has not come.
  std::uint64_t descriptors_watched = 0;  ///< Operations that wait for a descriptor.
  std::uint64_t posts_pending = 0;        ///< Posted by other threads, and not yet taken.
  std::optional<Clock::time_point> next_deadline;  ///< Of the timer that comes first.

  bool timed = false;         ///< Whether the loop keeps times.
  Clock::duration busy{};     ///< In tasks and callbacks.
  Clock::duration polling{};  ///< Asking the kernel in passing, with something ready to run.
  Clock::duration idle{};     ///< Waiting for something to run.

  /// Tasks that are not done.
  std::uint64_t tasks_alive() const noexcept {
    return tasks_created - tasks_finished - tasks_failed - tasks_cancelled;
  }
};

}  // namespace treadle
