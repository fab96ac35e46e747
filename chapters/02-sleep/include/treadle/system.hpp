// system.hpp: everything that the library asks of the operating system.
//
// A program does the same in each run, except for what the operating system answers: the time, the bytes of a
// connection, the call that fails. All these questions pass through one object. A test puts another object in its
// place and decides every answer.
//
// Invariants
//   1. No other source of the library reads a clock or lets a thread sleep.
//
// Thread safety: current() may be called from any thread, and so may every function of the object that it returns.
// Cost: one virtual call for each question, which is little beside a system call.
#pragma once

#include <atomic>
#include <chrono>

namespace treadle {

/// The operating system. A test kit derives from it, overrides the functions whose answers it decides, and calls
/// those of this class for the real answers.
class System {
 public:
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  /// The object that the library asks.
  static System& current() noexcept { return *current_.load(std::memory_order_acquire); }

  /// Makes the library ask `other`, and returns the object that it asked before. An answer that is under way is
  /// not called back: `other` lives until no thread of the library can be in one of its functions.
  static System& replace(System& other) noexcept { return *current_.exchange(&other); }

  /// The time by std::chrono::steady_clock.
  virtual std::chrono::steady_clock::time_point now() noexcept;

  /// Blocks the thread for `time`, never for less. Returns at once if that is zero or less.
  virtual void sleep_for(std::chrono::nanoseconds time) noexcept;

 protected:
  constexpr System() noexcept = default;
  // Not virtual, because no system is deleted through its base: the real one has nothing to destroy, and answers
  // until the last object of the program is gone.
  ~System() = default;

 private:
  static System real_;
  static std::atomic<System*> current_;
};

}  // namespace treadle
