// cancel_requests.hpp: what a task was asked, by which caller, and whether it has been told.
//
// A task may be asked to end for several reasons at once: time is up, Ctrl-C was pressed, a group of
// tasks fails. The task is told once, by one CancelledError. Each caller can take back its own request
// and no other, so the requests must be kept apart until then. A request that carries a token is linked
// into the list where the caller has put the token, and allocates nothing. Requests without a token are
// kept by number: the newest is taken back first.
//
// Each delivery has a number. A request is part of the delivery that told the task of it. So a timeout
// can see whether a request came while it was under way, or is an old one that the task has refused.
//
// Invariants
//   1. The list is in order of arrival.
//   2. count() is the number of requests that were made and not taken back.
//   3. If pending(), the list has a request of which the task was not told. One that another thread takes
//      back, and that was the last, stays in the list until the loop has looked.
//   4. No code of a user runs while the mutex is held: errors are destroyed behind it.
//
// Thread safety: requests are made, taken back and counted by any thread, under one mutex of the process. The
// rest is the loop's. A token is used by one thread at a time.
// Cost: a task that is never cancelled takes no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

#include "treadle/errors.hpp"
#include "treadle/ref.hpp"

namespace treadle {

class TaskBlock;
class CancelRequests;

/// One request, or several without a token that nothing tells apart.
class CancelRequest {
 public:
  CancelRequest(const CancelRequest&) = delete;
  CancelRequest& operator=(const CancelRequest&) = delete;

 protected:
  CancelRequest() noexcept = default;
  ~CancelRequest() = default;

  bool told() const noexcept { return delivery_ != 0; }

  CancelledError error_;
  std::uint32_t times_ = 0;     // how many requests; none: it was taken back, or never made
  std::uint32_t delivery_ = 0;  // which delivery told the task; 0: none

 private:
  friend class CancelRequests;
  // No IntrusiveList: each task pays for the head, few have a request, and none has many.
  CancelRequest* next_ = nullptr;
  bool owned_ = false;  // it has no token, and is the list's
};

/// Tells one request from all others: `task.cancel(error, token)` and `task.uncancel(token)`. Timeouts and groups
/// have one as a member.
///
/// There is one request at a time. A token that is destroyed takes its request back. It keeps the block of the
/// task, as an AnyTask does.
class CancelToken : private CancelRequest {
 public:
  CancelToken() noexcept;
  ~CancelToken();

  /// True from the request until it is taken back, also if the task is done.
  bool requested() const noexcept;

  /// True if the task has been told of the request, and it was not taken back.
  bool delivered() const noexcept;

 private:
  friend class TaskBlock;

  Ref<TaskBlock> task_;  // of which it is a request; null: there is none
};

/// The requests of one task.
class CancelRequests {
 public:
  CancelRequests() noexcept = default;
  CancelRequests(const CancelRequests&) = delete;
  CancelRequests& operator=(const CancelRequests&) = delete;
  ~CancelRequests() {
    if (first_ != nullptr) [[unlikely]]
      clear();
  }

  /// There is a request of which the task has to be told, and it has reached the loop.
  bool pending() const noexcept { return pending_; }

  /// How many were made and not taken back.
  std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

  /// How many of these are not part of the first `deliveries` deliveries.
  std::size_t count_since(std::uint32_t deliveries) const noexcept;

  /// How many times the task was told.
  std::uint32_t deliveries() const noexcept;

  /// A request without a token.
  void add(CancelledError error);

  /// A request with a token. REQUIRES: it is not in a list.
  void add(CancelRequest& request, CancelledError error) noexcept;

  /// What was added has reached the loop. False if all of it was taken back before, or told with others.
  bool arrive() noexcept;

  /// Takes back the newest request without a token; does nothing if there is none. `here` is whether this
  /// is the loop's thread. True if the loop has to settle().
  bool take_back_newest(bool here) noexcept;

  /// Takes back the request. REQUIRES: it is in the list.
  bool take_back(CancelRequest& request, bool here) noexcept;

  /// What was taken back has reached the loop.
  void settle() noexcept;

  /// A wait was withdrawn: the task is going to be told, even if all is taken back before.
  void begin_delivery() noexcept;

  /// The task is told: gives the oldest request of which it was not, and counts all of them as told.
  CancelledError deliver() noexcept;

  /// `error` goes on its way out of the task. If it is a request of the task that was taken back, the
  /// oldest that is left takes its place. Those of which the task was told in an earlier delivery than
  /// the last come behind the others. Otherwise gives `error` itself.
  std::exception_ptr read_again(std::exception_ptr error) noexcept;

 private:
  friend class CancelToken;

  class Owned;
  class Lock;

  // REQUIRES: the mutex is held.
  CancelRequest* find(std::uint32_t number) const noexcept;
  CancelRequest* newest_without_token() const noexcept;
  CancelRequest* oldest_left() const noexcept;
  CancelRequest* waiting() const noexcept;
  void append(CancelRequest& request, CancelledError& error) noexcept;
  void link(CancelRequest& request) noexcept;
  void unlink(CancelRequest& request) noexcept;
  bool take_back(Lock& lock, CancelRequest& request, bool here) noexcept;
  void drop(Lock& lock, CancelRequest& request) noexcept;
  void keep_to_be_told(CancelRequest& request) noexcept;
  void count_all_as_told(Lock& lock) noexcept;

  void clear() noexcept;

  std::atomic<std::uint32_t> count_ = 0;

  // The mutex must be held to use what follows it. Only the loop reads pending_ without it: no other
  // thread changes that.
  std::uint32_t deliveries_ = 0;
  CancelRequest* first_ = nullptr;
  std::uint32_t task_ = 0;  // the number of the first request, which its errors carry; 0: none
  bool pending_ = false;
  bool delivering_ = false;  // a wait was withdrawn, and the task has not been told yet
};

}  // namespace treadle
