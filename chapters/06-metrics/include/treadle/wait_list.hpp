// wait_list.hpp: where tasks wait in order of arrival.
//
// A WaitList only remembers which task came first. It knows nothing of why they wait, and of the
// loop nothing but how to wake.
//
// Invariants
//   1. A waiter is in at most one list, and then its task is waiting.
//   2. Removal comes before readiness, by wake and by cancel alike: a task that is ready is in no
//      list. So a wake and a cancel cannot both have the task.
//   3. Order is order of arrival. Every promise of fairness rests on this alone.
//
// Thread safety: none. One loop, one thread.
#pragma once

#include "treadle/intrusive_list.hpp"
#include "treadle/suspension.hpp"

namespace treadle {

/// A suspension that waits in a WaitList.
class Waiter : public Suspension, public ListLink {
 public:
  /// Leaves its list.
  void withdraw() noexcept override { unlink(); }

 protected:
  Waiter() noexcept = default;
  ~Waiter() = default;
};

/// Tasks that wait for the same thing, first come, first woken.
class WaitList {
 public:
  bool empty() const noexcept { return waiting_.empty(); }

  /// REQUIRES: `waiter` is in no list.
  void add(Waiter& waiter) noexcept { waiting_.push_back(waiter); }

  /// Wakes the task that has waited longest; does nothing if none waits.
  void wake_one() noexcept {
    if (!empty()) waiting_.pop_front().wake();
  }

  /// Wakes all, in order of arrival.
  void wake_all() noexcept {
    while (!empty()) wake_one();
  }

 private:
  IntrusiveList<Waiter> waiting_;
};

}  // namespace treadle
