// intrusive_list.hpp: a doubly linked list whose links lie in the elements themselves.
//
// A task that begins to wait must not fail for want of memory, and a waiter that goes away must
// leave its list at once, wherever in it it stands. Both follow when the element brings its own
// two pointers: linking allocates nothing, and unlinking needs neither a search nor the list. The
// idea is as old as the UNIX kernel's queues; see also <sys/queue.h>, queue(3).
//
// Invariants
//   1. An element is in at most one list.
//   2. An element that is destroyed has left its list: the destructor sees to it.
//   3. Order is order of insertion.
//
// Thread safety: none.
#pragma once

#include <utility>

#include "treadle/errors.hpp"

namespace treadle {

/// The two pointers that an element of an IntrusiveList inherits. Alone it is a ring of one.
class ListLink {
 public:
  ListLink() noexcept = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;
  ~ListLink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
  }

  bool linked() const noexcept { return next_ != this; }

  /// Leaves its list; does nothing where it is in none. O(1).
  void unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

 private:
  template <class T>
  friend class IntrusiveList;

  ListLink* previous_ = this;
  ListLink* next_ = this;
};

/// A list of T, where T inherits ListLink. It owns nothing.
template <class T>
class IntrusiveList {
 public:
  bool empty() const noexcept { return !ring_.linked(); }

  /// REQUIRES: `element` is in no list.
  void push_back(T& element) noexcept {
    ListLink& link = element;
    precondition(!link.linked(), "an element is in at most one list");
    link.previous_ = ring_.previous_;
    link.next_ = &ring_;
    ring_.previous_->next_ = &link;
    ring_.previous_ = &link;
  }

  /// Takes out the element that came first. REQUIRES: not empty.
  T& pop_front() noexcept {
    precondition(!empty(), "only a list that holds something can be popped");
    T& first = static_cast<T&>(*ring_.next_);
    first.unlink();
    return first;
  }

  /// Calls `visit(element)` for each, oldest first. `visit` must not change the list.
  template <class F>
  void for_each(F&& visit) const {
    for (ListLink* link = ring_.next_; link != &ring_; link = link->next_)
      visit(static_cast<T&>(*link));
  }

 private:
  ListLink ring_;  // first and last meet here, so no end is a special case
};

}  // namespace treadle
