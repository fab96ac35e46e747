// relacy_std.hpp: makes sources that use std::mutex and std::atomic run inside Relacy.
//
// Relacy runs a program's threads one step at a time, and tries the orders in which the steps of
// several threads can fall. It sees a step only where its own mutexes and atomics are used. So
// this header includes what the sources under test will include, and then gives a few names of
// namespace std another meaning: whoever is included after it locks Relacy's mutexes. One thing alone
// is changed in the text, by model_check.py: what is thread_local becomes model::PerThread, since
// fibers share what belongs to their thread.
//
// Not thread safe, nor meant to be: Relacy's threads are fibers of one thread.
#pragma once

#include "relacy_headers.hpp"

namespace model {

// Relacy's operators are inline functions. Where all calls are inlined, the program would have none, and the stage's other
// sources would get memory of the system's, which Relacy then takes for freed twice.
[[gnu::used]] inline void* (*const allocates)(std::size_t) = &::operator new;
[[gnu::used]] inline void (*const frees)(void*) noexcept = &::operator delete;

using Place = std::source_location;

inline rl::debug_info info(const Place& place) {
  return rl::debug_info(place.function_name(), place.file_name(), place.line());
}

inline rl::debug_info here(const Place& place = Place::current()) { return info(place); }

inline rl::memory_order order(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_consume:
      return rl::mo_consume;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    default:
      return rl::mo_seq_cst;
  }
}

/// Stands in for std::mutex.
class Mutex {
 public:
  void lock(Place place = Place::current()) { mutex_.lock(info(place)); }
  bool try_lock(Place place = Place::current()) { return mutex_.try_lock(info(place)); }
  void unlock(Place place = Place::current()) { mutex_.unlock(info(place)); }

  /// For a condition variable.
  rl::mutex& relacy() { return mutex_; }

 private:
  rl::mutex mutex_;
};

/// Stands in for std::lock_guard and std::scoped_lock: remembers the line that locks, for traces.
template <class M>
class LockGuard {
 public:
  explicit LockGuard(M& mutex, Place place = Place::current()) : mutex_(mutex), place_(place) {
    mutex_.lock(place_);
  }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() noexcept(false) { mutex_.unlock(place_); }

 private:
  M& mutex_;
  const Place place_;
};

/// Replaces std::condition_variable. Time does not pass here: whether a wait with a deadline ends by itself is for
/// the scenario to say.
class ConditionVariable {
 public:
  static inline bool deadlines_come = false;

  void notify_all(Place place = Place::current()) { changed_.notify_all(info(place)); }

  template <class Lock, class Done>
  void wait(Lock& lock, Done done, Place place = Place::current()) {
    while (!done()) changed_.wait(lock.mutex()->relacy(), info(place));
  }

  template <class Lock, class Time, class Done>
  bool wait_until(Lock& lock, const Time& /*end*/, Done done, Place place = Place::current()) {
    while (!done()) {
      if (deadlines_come && rl::rand(2) == 1) return done();
      changed_.wait(lock.mutex()->relacy(), info(place));
    }
    return true;
  }

 private:
  struct Tag {};
  rl::condition_variable_std<Tag> changed_;
};

/// Stands in for std::atomic, as far as the sources under test use it.
template <class T>
class Atomic {
 public:
  using Order = std::memory_order;
  static constexpr Order kDefault = std::memory_order_seq_cst;

  Atomic() : Atomic(T()) {}
  Atomic(T value) : atomic_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(Order o = kDefault, Place place = Place::current()) const {
    return atomic_.load(order(o), info(place));
  }
  void store(T value, Order o = kDefault, Place place = Place::current()) {
    atomic_.store(value, order(o), info(place));
  }
  T exchange(T value, Order o = kDefault, Place place = Place::current()) {
    return atomic_.exchange(value, order(o), info(place));
  }
  T fetch_add(T value, Order o = kDefault, Place place = Place::current()) {
    return atomic_.fetch_add(value, order(o), info(place));
  }
  T fetch_sub(T value, Order o = kDefault, Place place = Place::current()) {
    return atomic_.fetch_sub(value, order(o), info(place));
  }
  operator T() const { return load(); }
  T operator=(T value) {
    store(value);
    return value;
  }

 private:
  rl::atomic<T> atomic_;
};

/// A pointer that each of Relacy's threads has for itself, null at first.
template <class T>
class PerThread {
 public:
  operator T() const { return values_[rl::thread_index()]; }
  PerThread& operator=(T value) {
    values_[rl::thread_index()] = value;
    return *this;
  }

 private:
  std::array<T, 16> values_{};
};

/// rl::simulate() with one scheduler. It has three, and would be compiled for all of them, for each mutant and number of threads.
template <class Test, class Scheduler>
bool simulate(rl::test_params& params) {
  params.test_name = "";
  rl::ostringstream state;
  if (rl::run_test<Test, Scheduler>(params, state, false) == rl::test_result_success) return true;
  // Once more, for the account.
  params.initial_state = params.final_state = state.str();
  params.collect_history = true;
  rl::ostringstream ignored;
  rl::run_test<Test, Scheduler>(params, ignored, true);
  return false;
}

/// In every order, up to `params.context_bound` preemptions.
template <class Test>
bool simulate_bound(rl::test_params& params) {
  params.search_type = rl::sched_bound;
  return simulate<Test, rl::context_bound_scheduler<Test::params::thread_count>>(params);
}

/// In `params.iteration_count` orders, at random.
template <class Test>
bool simulate_random(rl::test_params& params) {
  params.search_type = rl::sched_random;
  return simulate<Test, rl::random_scheduler<Test::params::thread_count>>(params);
}

/// What an eventfd counts with: threads can also sleep on it.
using Counter = rl::atomic<int>;

}  // namespace model

namespace std {
namespace this_fiber {
/// Other threads may come before the next lock anyway. The system's would cost each of a million runs its turn on the processor.
inline void yield() noexcept {}
}  // namespace this_fiber

using model::Atomic;
using model::ConditionVariable;
using model::LockGuard;
using model::Mutex;
}  // namespace std

#define atomic Atomic
#define condition_variable ConditionVariable
#define lock_guard LockGuard
#define mutex Mutex
#define scoped_lock LockGuard
#define this_thread this_fiber
