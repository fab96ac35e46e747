// task_references.hpp: what still needs a task, in one word.
//
// Three kinds of references keep the block of a task: the loop's one, until the task is done; those
// of owners, the Task<T> handles, which have a right to the ending; and plain ones, of handles that
// observe and of the library's own errands. The value goes with the last owner, the block with the
// last of all.
//
// A task ends on one thread while its last owner may go on another. One of the two must abandon the
// ending, and exactly one: so the count of owners and the mark that the task is done are in the same
// word, and whichever comes second sees the other.
//
// Invariants
//   1. The number of owners never rises from 0: an owner is copied from an owner.
//   2. The loop's reference is there until the task is done; of a task that has failed, until no
//      owner is left, or the loop goes.
//
// Thread safety: all of it may be called from any thread.
// Source: std::shared_ptr and std::weak_ptr, for owners and observers; the state word of tokio's
// task header (tokio::runtime::task::state).
#pragma once

#include <atomic>
#include <cstdint>

namespace treadle {

/// The references to one task. It begins with the loop's and one owner.
class TaskReferences {
 public:
  void add() noexcept { word_.fetch_add(kPlain, std::memory_order_relaxed); }

  /// True if that was the last of all.
  [[nodiscard]] bool drop() noexcept { return subtract(kPlain); }

  void add_owner() noexcept { word_.fetch_add(kOwner, std::memory_order_relaxed); }

  /// What an owner that goes leaves behind.
  enum class Dropped {
    kOthers,     ///< other references are left
    kLast,       ///< it was the last of all
    kLastOwner,  ///< no other owner can ask for the ending. This one is still counted:
                 ///< abandon the ending, and then call drop_last_owner()
  };
  [[nodiscard]] Dropped drop_owner() noexcept {
    Word now = word_.load(std::memory_order_acquire);
    do {
      if (now == kDone + kOwner) return Dropped::kLast;
      if ((now & kDone) != 0 && owners(now) == 1) return Dropped::kLastOwner;
    } while (!word_.compare_exchange_weak(now, now - kOwner, std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    return Dropped::kOthers;
  }

  /// True if that was the last of all.
  [[nodiscard]] bool drop_last_owner() noexcept { return subtract(kOwner); }

  /// True if more than one owner can ask for the ending.
  bool shared() const noexcept { return owners(word_.load(std::memory_order_acquire)) > 1; }

  /// The task is done. True if it has an owner, which abandons the ending when it goes.
  [[nodiscard]] bool mark_done() noexcept {
    return owners(word_.fetch_or(kDone, std::memory_order_acq_rel)) > 0;
  }

  /// The task is done and the loop lets go of it; the same as mark_done(), in one step. If it has no
  /// owner nothing has changed yet: abandon the ending, and then call drop_loop().
  [[nodiscard]] bool leave_to_owners() noexcept {
    Word now = word_.load(std::memory_order_acquire);
    while (owners(now) > 0) {
      if (word_.compare_exchange_weak(now, (now & ~kLoop) | kDone, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
        return true;
    }
    return false;
  }

  /// True if that was the last of all.
  [[nodiscard]] bool drop_loop() noexcept { return subtract(kLoop); }

  /// True while the loop holds the task.
  bool has_loop() const noexcept { return (word_.load(std::memory_order_acquire) & kLoop) != 0; }

 private:
  using Word = std::uint64_t;
  // The marks are the lowest bits, and the owners the highest, so that each test is one instruction.
  static constexpr Word kLoop = 1;
  static constexpr Word kDone = 2;
  static constexpr Word kPlain = 4;
  static constexpr int kOwnerShift = 33;
  static constexpr Word kOwner = Word{1} << kOwnerShift;

  static constexpr Word owners(Word word) noexcept { return word >> kOwnerShift; }

  bool subtract(Word reference) noexcept {
    // Whatever has the only reference there is need not lock the bus to know it.
    return (word_.load(std::memory_order_acquire) & ~kDone) == reference ||
           (word_.fetch_sub(reference, std::memory_order_acq_rel) & ~kDone) == reference;
  }

  std::atomic<Word> word_ = kLoop + kOwner;
};

}  // namespace treadle
