// poller.hpp: asks the kernel which descriptors are ready.
//
// One thread cannot sit in read(2) for a thousand clients. It can ask the kernel about all of
// them at once, and be put to sleep until one can be read or written: that question is poll(2).
// Whoever waits for a descriptor registers, tries again each time the kernel says it is ready,
// and leaves when it got what it wanted.
//
// Invariants
//   1. A descriptor that somebody waits for is in polled_ once, at sides_[fd].place, and the kernel
//      is asked about the sides where somebody waits and about no other.
//   2. A descriptor that nobody waits for is not in polled_.
//   3. A waiter that is destroyed has left.
//
// Thread safety: none. It knows descriptors, but neither coroutines nor times of day.
// Cost: the kernel walks the whole list for each question, and so do we for the answer:
//   O(descriptors that somebody waits for) a turn. Memory: O(the highest descriptor). It is what
//   every Unix has. Where thousands wait and few are ready, epoll(7) and kqueue(2) do better.
// Source: poll(2), POSIX.1-2001.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <vector>

namespace treadle {

class Poller;

/// What a descriptor can be ready for. An error or a hang-up counts as both.
enum class Readiness : short { kReadable = POLLIN, kWritable = POLLOUT };

/// Somebody who waits until a descriptor is ready.
class FdWaiter {
 public:
  FdWaiter() noexcept = default;
  FdWaiter(const FdWaiter&) = delete;
  FdWaiter& operator=(const FdWaiter&) = delete;

  /// The descriptor is ready, or broken, or was closed: try. True when there is nothing left to
  /// wait for, and then the waiter leaves; a false alarm, or a job half done, stays. Must not
  /// register others or make them leave.
  virtual bool try_again() noexcept = 0;

  bool registered() const noexcept { return poller_ != nullptr; }

  /// Waits no longer; does nothing where it is not registered. O(1).
  void leave() noexcept;

 protected:
  ~FdWaiter() { leave(); }

 private:
  friend class Poller;

  Poller* poller_ = nullptr;
  int fd_ = -1;
  Readiness readiness_ = Readiness::kReadable;
};

/// Descriptors and those who wait for them. It owns neither.
class Poller {
 public:
  Poller() = default;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Those who still wait have left, and are not told.
  ~Poller();

  bool empty() const noexcept { return polled_.empty(); }

  /// For how many descriptors somebody waits.
  std::size_t size() const noexcept { return polled_.size(); }

  /// Calls `waiter.try_again()` from wait() whenever `fd` is ready. REQUIRES: it is not
  /// registered, and no other waits for `fd` to become so. Where memory runs out, throws and
  /// changes nothing. O(1), amortised.
  void add(FdWaiter& waiter, int fd, Readiness readiness);

  /// Sleeps until a descriptor is ready, a signal arrives, or `timeout` is over; then lets those
  /// who are ready try: the descriptors in no promised order, on each the reader first. A timeout
  /// below zero is none. A system that counts in milliseconds rounds it up, so it is never early. True
  /// where the time passed and nothing came up. If the kernel has no memory for an answer, returns
  /// false after a millisecond at most. Throws std::system_error where the kernel refuses.
  bool wait(std::chrono::nanoseconds timeout);

 private:
  friend class FdWaiter;

  // Who waits for a descriptor, and where in the list it is while somebody does.
  struct Sides {
    FdWaiter* reader = nullptr;
    FdWaiter* writer = nullptr;
    std::size_t place = 0;

    FdWaiter*& at(Readiness readiness) noexcept {
      return readiness == Readiness::kReadable ? reader : writer;
    }
    bool waiting() const noexcept { return reader != nullptr || writer != nullptr; }
  };

  Sides& sides_of(int fd) noexcept { return sides_[static_cast<std::size_t>(fd)]; }
  void let_try(const pollfd& answer) noexcept;
  void remove(int fd, Readiness readiness) noexcept;

  std::vector<pollfd> polled_;
  std::vector<Sides> sides_;  // by descriptor
};

}  // namespace treadle
