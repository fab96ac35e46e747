// wakeup.hpp (of the model): an eventfd, as a counter that Relacy knows.
//
// Stands in the include path before the stage's own header of this name, whose system calls no
// model can run. What the kernel promises of an eventfd is all that is modelled: a write adds one
// and wakes who waits for it, a read takes all there is, poll(2) waits until there is something;
// each is one indivisible step, and what was done before a write is seen after the read.
#pragma once

#include "relacy_std.hpp"

namespace treadle {

class Wakeup {
 public:
  using Place = model::Place;

  /// write(2).
  void signal(Place place = Place::current()) {
    rl::preemption_disabler one_step(begin_step());
    counter_.fetch_add(1, rl::mo_acq_rel, model::info(place));
    counter_.wake(rl::ctx(), 1, model::info(place));
    ++writes;
  }

  /// read(2).
  bool try_again(Place place = Place::current()) {
    counter_.exchange(0, rl::mo_acq_rel, model::info(place));
    return false;
  }

  /// poll(2), without a timeout or with one of zero: can it be read? Where a thread waits that
  /// nobody is left to wake, Relacy calls it a deadlock.
  bool poll(bool wait, Place place = Place::current()) {
    while (counter_.fetch_add(0, rl::mo_acq_rel, model::info(place)) == 0) {
      if (!wait) return false;
      counter_.wait(rl::ctx(), false, false, model::info(place));
    }
    return true;
  }

  /// The poller is not modelled.
  void leave() {}

  static inline int writes = 0;  // of all of them, in this run

 private:
  // Other threads may come before a step, not into it.
  static rl::context& begin_step() {
    rl::ctx().sched();
    return rl::ctx();
  }

  model::Counter counter_{0};
};

}  // namespace treadle
