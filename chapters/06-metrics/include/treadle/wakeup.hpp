// wakeup.hpp: gets a thread out of poll(2).
//
// A thread that sleeps in poll(2) is woken by descriptors and by nothing else. So whoever has
// something for it besides bytes, such as another thread or a signal handler, needs a descriptor of
// his own to make ready: a pipe of which the sleeper holds both ends. That is the self-pipe trick,
// D. J. Bernstein's. Linux has a descriptor made for it, which needs no second end and no buffer:
// eventfd(2).
//
// Invariants
//   1. After signal(), the next question of the poller returns at once.
//   2. It says only "look", and not what there is to see nor how often it was said.
//
// Thread safety: signal() may be called from any thread, and from signal handlers.
#pragma once

#include "treadle/poller.hpp"
#include "treadle/unique_fd.hpp"

namespace treadle {

class Wakeup final : public FdWaiter {
 public:
  /// Throws std::system_error where there is no descriptor left.
  Wakeup();

  /// What the poller is to watch for being readable.
  Registration& registration() noexcept { return registration_; }

  /// The descriptor itself, for code that polls on its own.
  int fd() const noexcept { return registration_.fd(); }

  /// Wakes the thread that polls. Async-signal-safe.
  void signal() noexcept;

  /// Takes the signals out, and stays: there may be more.
  bool try_again() noexcept override;

 private:
  UniqueFd read_end_;
  UniqueFd write_end_;         // none where one descriptor is both
  Registration registration_;  // of read_end_
};

}  // namespace treadle
