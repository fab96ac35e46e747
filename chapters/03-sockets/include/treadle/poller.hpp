// poller.hpp: asks the kernel which descriptors are ready.
//
// One thread cannot sit in read(2) for a thousand clients. It can ask the kernel about all of
// them at once, and be put to sleep until one can be read or written: that question is poll(2).
// A descriptor has a registration for as long as it is open. A waiter is added to it, tries again
// each time the kernel reports the descriptor as ready, and leaves when it has what it wanted.
//
// The kernel knows a descriptor by a number, and gives the number of a closed descriptor to the next
// one that is opened. A registration belongs to the descriptor and not to the number: when the
// descriptor is closed it is dropped, and the next owner of the number has a registration of its own.
//
// Invariants
//   1. A registration with a waiter is in registrations_ once, at its index_, and the question about
//      its descriptor is at the same place of polled_. The kernel is asked about the sides that have
//      a waiter, and about no other.
//   2. A registration without a waiter is in no poller. It may go to another thread, and another
//      loop's poller may be the next to have it.
//   3. A waiter that is destroyed has left.
//
// Thread safety: none. It knows descriptors, but neither coroutines nor times of day.
// Cost: the kernel walks the whole list for each question, and so do we for the answer:
//   O(descriptors that have a waiter) a turn, in time and memory. It is what every Unix has. Where
//   thousands wait and few are ready, epoll(7) and kqueue(2) do better. They would change add(),
//   remove() and wait(), and no file that includes this one.
// Source: poll(2), POSIX.1-2001.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstddef>
#include <vector>

namespace treadle {

class Poller;
class Registration;

/// What a descriptor can be ready for. An error or a hang-up counts as both.
enum class Readiness : short { kReadable = POLLIN, kWritable = POLLOUT };

/// Somebody who waits until a descriptor is ready.
class FdWaiter {
 public:
  FdWaiter() noexcept = default;
  FdWaiter(const FdWaiter&) = delete;
  FdWaiter& operator=(const FdWaiter&) = delete;

  /// The descriptor is ready, or broken, or was closed: try. True when there is nothing left to
  /// wait for, and then the waiter leaves, unless it has left already; a false alarm, or a job half
  /// done, stays. Must not add other waiters.
  virtual bool try_again() noexcept = 0;

  bool registered() const noexcept { return registration_ != nullptr; }

  /// Waits no longer; does nothing where it is not registered. O(1).
  void leave() noexcept;

 protected:
  ~FdWaiter() { leave(); }

 private:
  friend class Poller;
  friend class Registration;

  Registration* registration_ = nullptr;
  Readiness readiness_ = Readiness::kReadable;
};

/// A descriptor as a poller sees it, and its waiters. What owns the descriptor owns this too,
/// and drops it before the descriptor is closed.
class Registration {
 public:
  /// Of no descriptor.
  Registration() noexcept = default;

  explicit Registration(int fd) noexcept : fd_(fd) {}

  /// Takes the waiters along.
  Registration(Registration&& other) noexcept { take(other); }
  Registration& operator=(Registration&& other) noexcept;

  ~Registration() { drop(); }

  int fd() const noexcept { return fd_; }

  /// The waiter for this readiness of the descriptor, or null.
  FdWaiter* waiter(Readiness readiness) const noexcept {
    return readiness == Readiness::kReadable ? reader_ : writer_;
  }
  bool has_waiter() const noexcept { return reader_ != nullptr || writer_ != nullptr; }

  /// Of no descriptor any more. The waiters have left, and are not told. O(1).
  void drop() noexcept;

 private:
  friend class FdWaiter;
  friend class Poller;

  FdWaiter*& side(Readiness readiness) noexcept {
    return readiness == Readiness::kReadable ? reader_ : writer_;
  }
  void take(Registration& other) noexcept;

  int fd_ = -1;
  FdWaiter* reader_ = nullptr;
  FdWaiter* writer_ = nullptr;

  // While there is a waiter.
  Poller* poller_ = nullptr;
  std::size_t index_ = 0;
};

/// The registrations that have a waiter. It owns neither them nor the waiters.
class Poller {
 public:
  Poller() = default;
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Those who still wait have left, and are not told.
  ~Poller();

  bool empty() const noexcept { return polled_.empty(); }

  /// Calls `waiter.try_again()` from wait() whenever the descriptor is ready. REQUIRES: it is not
  /// registered, no other waits for the descriptor to become so, and none for it at another poller.
  /// If memory runs out, throws and changes nothing. O(1), amortised.
  void add(FdWaiter& waiter, Registration& registration, Readiness readiness);

  /// Sleeps until a descriptor is ready, a signal arrives, or `timeout` is over; then lets those
  /// who are ready try: the descriptors in no promised order, on each the reader first. A timeout
  /// below zero is none. A system that counts in milliseconds rounds it up, so it is never early. True
  /// where the time passed and nothing came up. If the kernel has no memory for an answer, returns
  /// false after a millisecond at most. Throws std::system_error where the kernel refuses.
  bool wait(std::chrono::nanoseconds timeout);

 private:
  friend class FdWaiter;
  friend class Registration;

  void let_try(std::size_t place, short answer) noexcept;
  void remove(Registration& registration, Readiness readiness) noexcept;

  // By place.
  std::vector<pollfd> polled_;
  std::vector<Registration*> registrations_;
};

}  // namespace treadle
