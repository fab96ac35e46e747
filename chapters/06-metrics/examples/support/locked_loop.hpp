// locked_loop.hpp: the simple way to let every thread call a loop, with one lock around everything.
//
// Whoever touches the loop takes the lock first, the loop itself as well: it holds the lock for a
// whole turn, since a callback may touch everything. The callback then calls the same functions as
// everybody, and they take the lock again; hence a recursive one. Nothing is ever seen half done,
// and there is nothing to prove.
//
// It has callbacks and times, and no tasks and no sockets: enough to measure what a lock costs.
//
// Invariants
//   1. Who touches ready_, timers_ or stopping_ holds mutex_.
//   2. While the loop sleeps it holds nothing. It takes the lock once and once only, because
//      a condition variable gives back one level of it and no more.
//
// Thread safety: everything may be called from any thread, and from callbacks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace examples {

class LockedLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Callback = std::function<void()>;

  /// Runs `callback()` in the next turn.
  void call_soon(Callback callback) {
    const std::lock_guard lock(mutex_);
    ready_.push_back(std::move(callback));
    changed_.notify_one();
  }

  /// Runs `callback()` once, `delay` from now. Those due at the same time run in order of calls.
  void call_later(Clock::duration delay, Callback callback) {
    if (delay <= delay.zero()) return call_soon(std::move(callback));
    const std::lock_guard lock(mutex_);
    timers_.emplace(Clock::now() + delay, std::move(callback));
    changed_.notify_one();
  }

  /// The loop returns when its present turn is over; one that does not run will run one turn.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }

  /// How many callbacks are ready.
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return ready_.size();
  }

  /// Runs until stop().
  void run_forever() {
    do {
      std::unique_lock lock(mutex_);
      sleep(lock);
      run_turn();
    } while (!stopped());
  }

 private:
  void sleep(std::unique_lock<std::recursive_mutex>& lock) {
    const auto awake = [this] { return stopping_ || !ready_.empty(); };
    if (timers_.empty())
      changed_.wait(lock, [&] { return awake() || !timers_.empty(); });
    else
      changed_.wait_until(lock, timers_.begin()->first, awake);
  }

  void run_turn() {
    const std::lock_guard lock(mutex_);
    for (auto due = timers_.begin(); due != timers_.end() && due->first <= Clock::now();
         due = timers_.erase(due))
      ready_.push_back(std::move(due->second));
    for (std::size_t left = ready_.size(); left > 0; --left) {
      const Callback callback = std::move(ready_.front());
      ready_.pop_front();
      callback();
    }
  }

  bool stopped() {
    const std::lock_guard lock(mutex_);
    return std::exchange(stopping_, false);
  }

  mutable std::recursive_mutex mutex_;
  std::condition_variable_any changed_;

  // mutex_ must be held to use what follows it.
  std::deque<Callback> ready_;
  std::multimap<Clock::time_point, Callback> timers_;
  bool stopping_ = false;
};

}  // namespace examples
