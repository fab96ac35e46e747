// ready_queue.hpp: what can run at once, in the order in which it became able to.
//
// The whole scheduling policy of the loop is this one queue: first come, first served. Whoever
// becomes ready goes to the back, so nobody can be overtaken for ever, and a program's order can
// be told by reading it.
//
// Invariants
//   1. A Runnable is in the queue, or in a batch that was taken out of it, at most once.
//   2. Out in the order in which they went in.
//
// Thread safety: none.
// Cost: push and pop are a few stores, and never allocate: the link lies in the Runnable.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "treadle/errors.hpp"
#include "treadle/recycle.hpp"

namespace treadle {

/// Something that a loop can run: a task's next step, or a callback. Made of recycled memory.
class Runnable : public Recycled {
 public:
  Runnable() noexcept = default;
  Runnable(const Runnable&) = delete;
  Runnable& operator=(const Runnable&) = delete;

  /// Runs once. May destroy `*this`.
  virtual void run() = 0;

  /// Called instead of run() where the loop ends first. May destroy `*this`.
  virtual void discard() noexcept = 0;

  /// The call that made it, if it is a callback that knows; otherwise null.
  virtual const std::source_location* created_at() const noexcept { return nullptr; }

  /// True from push() to pop().
  bool queued() const noexcept { return queued_; }

 protected:
  ~Runnable() = default;

 private:
  friend class ReadyQueue;

  Runnable* next_ = nullptr;
  bool queued_ = false;
};

/// A Runnable on its way to where it runs; discarded where it never gets there.
struct Discard {
  void operator()(Runnable* runnable) const noexcept { runnable->discard(); }
};
using OwnedRunnable = std::unique_ptr<Runnable, Discard>;

/// A first in, first out queue of Runnables. It owns nothing.
class ReadyQueue {
 public:
  ReadyQueue() noexcept = default;
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;

  /// What was in a queue when take_all() was called: to be run in one go, first come, first served.
  class Batch {
   public:
    bool empty() const noexcept { return first_ == nullptr; }

    /// REQUIRES: not empty.
    Runnable& pop() noexcept {
      Runnable& runnable = *first_;
      first_ = runnable.next_;
      runnable.queued_ = false;
      return runnable;
    }

   private:
    friend class ReadyQueue;
    explicit Batch(Runnable* first) noexcept : first_(first) {}

    Runnable* first_;
  };

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  /// REQUIRES: `runnable` is not in the queue.
  void push(Runnable& runnable) noexcept {
    precondition(!runnable.queued_, "what is ready already cannot be made ready again");
    runnable.queued_ = true;
    runnable.next_ = nullptr;
    *last_ = &runnable;
    last_ = &runnable.next_;
    ++size_;
  }

  /// Moves all of `other` to the end of this one; gives how many they were. O(1).
  std::size_t append(ReadyQueue& other) noexcept {
    if (other.empty()) return 0;
    *last_ = other.first_;
    last_ = other.last_;
    other.first_ = nullptr;
    other.last_ = &other.first_;
    size_ += other.size_;
    return std::exchange(other.size_, 0);
  }

  /// Takes out all that are in it. The queue is empty then, and takes who comes next; who is in the
  /// batch still counts as queued. O(1).
  Batch take_all() noexcept {
    size_ = 0;
    last_ = &first_;
    return Batch(std::exchange(first_, nullptr));
  }

  /// REQUIRES: not empty.
  Runnable& pop() noexcept {
    precondition(!empty(), "only a queue that holds something can be popped");
    Runnable& runnable = *first_;
    first_ = runnable.next_;
    if (first_ == nullptr) last_ = &first_;
    runnable.queued_ = false;
    --size_;
    return runnable;
  }

 private:
  Runnable* first_ = nullptr;
  Runnable** last_ = &first_;  // where the next one's address is to be written
  std::size_t size_ = 0;
};

}  // namespace treadle
