// task_record.hpp: what few tasks have, and what no other should pay for.
//
// A task that sleeps among a million others has no name of its own, no context and no times. So these
// are not in its block, which has room for one pointer: the record is made when the first of them is
// asked for.
//
// Invariants
//   1. A record, once made, stays with its task to the end.
//
// Thread safety: name and context may be used from any thread. The rest is the loop's.
#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "treadle/context_storage.hpp"
#include "treadle/recycle.hpp"
#include "treadle/task_times.hpp"

namespace treadle {

/// Where the coroutines of a task stand, from the first to the one that runs or waits.
using AwaitChain = std::vector<std::source_location>;

class TaskRecord : public Recycled {
 public:
  /// Empty where the task goes by its number.
  std::string name() const;
  void set_name(std::string_view name);

  void set_context(std::string_view key, ContextStorage::Value value);
  ContextStorage::Value context(std::string_view key) const;

  /// All of it as text. The text is made by the values' own code, and with nothing locked.
  ContextStorage::List context() const;

  /// Null where the loop keeps no times.
  TaskTimes* times() noexcept { return times_.get(); }
  void keep_times(Clock::time_point now) { times_ = std::make_unique<TaskTimes>(now); }

  /// True where `error` is the one whose way out of the task is noted already: it has come one frame
  /// further.
  bool knows(const std::exception_ptr& error) const noexcept { return escaping_ == error; }

  /// `error` left the innermost coroutine of `chain`.
  void note_escape(std::exception_ptr error, AwaitChain chain);

  /// The error is out, or was caught: who comes next is another one. Nobody is kept alive by a note.
  void forget_error() noexcept { escaping_ = nullptr; }

  /// The chain of the last error that was noted.
  const AwaitChain& error_chain() const noexcept { return error_chain_; }

 private:
  std::unique_ptr<TaskTimes> times_;
  std::exception_ptr escaping_;
  AwaitChain error_chain_;

  // mutex_ must be held to use what follows it.
  mutable std::mutex mutex_;
  std::string name_;
  ContextStorage context_;
};

}  // namespace treadle
