// timer_heap.hpp: which deadline comes next, among many.
//
// A heap keeps the next deadline on top and costs O(log n) to add one. Most timers of a real
// program never fire: they are timeouts of things that went well. So each timer knows its place
// in the heap, and leaves it in O(log n) too; none is left behind as a tombstone that fires into
// nothing.
//
// Four children to a node and not two: the tree is half as deep, and the four keys that are
// compared lie side by side in memory.
//
// Invariants
//   1. Whoever stands above has the smaller (deadline, sequence). Sequence is order of arming, so
//      equal deadlines fire first come, first served; a heap alone would not promise that.
//   2. heap_[timer.place_].timer == &timer for each armed timer.
//   3. A timer that is destroyed has left the heap.
//
// Thread safety: none. It knows times, but neither coroutines nor clocks.
// Source: Williams 1964 for the heap; d-ary heaps from Johnson 1975; the place in the element as
// in libuv.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "treadle/clock.hpp"

namespace treadle {

class TimerHeap;

/// Something that happens at a deadline.
class Timer {
 public:
  Timer() noexcept = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// The deadline has come, and the timer has left the heap. May destroy `*this`.
  virtual void fire() noexcept = 0;

  /// Called instead where the loop ends first. May destroy `*this`.
  virtual void drop() noexcept = 0;

  bool armed() const noexcept { return heap_ != nullptr; }

  /// Leaves the heap; does nothing where it is not armed. O(log n).
  void disarm() noexcept;

 protected:
  ~Timer() { disarm(); }

 private:
  friend class TimerHeap;

  TimerHeap* heap_ = nullptr;
  std::size_t place_ = 0;
};

/// Timers by deadline. It owns none of them.
class TimerHeap {
 public:
  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;

  bool empty() const noexcept { return heap_.empty(); }
  std::size_t size() const noexcept { return heap_.size(); }

  /// The earliest deadline. REQUIRES: not empty.
  Clock::time_point next_deadline() const noexcept { return heap_.front().deadline; }

  /// REQUIRES: `timer` is not armed. Where memory runs out, throws and changes nothing. O(log n).
  void arm(Timer& timer, Clock::time_point deadline);

  /// Takes out the timer that comes first. REQUIRES: not empty. O(log n).
  Timer& pop() noexcept;

  /// Fires all that are due at `now`, by deadline and then by order of arming. How many that were.
  std::size_t fire_due(Clock::time_point now) noexcept;

 private:
  friend class Timer;

  struct Entry {
    Clock::time_point deadline;
    std::uint64_t sequence;
    Timer* timer;

    bool operator<(const Entry& other) const noexcept {
      return deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence;
    }
  };

  void remove(std::size_t place) noexcept;
  void put(std::size_t place, const Entry& entry) noexcept;
  void sift_up(std::size_t place, const Entry& entry) noexcept;
  void sift_down(std::size_t place, const Entry& entry) noexcept;

  std::vector<Entry> heap_;
  std::uint64_t last_sequence_ = 0;
};

}  // namespace treadle
