// signals.hpp: signals of the system, as callbacks in a turn of the loop.
//
// A signal handler may interrupt the program between any two instructions, and may call next to
// nothing: no malloc, no lock, no printf. So ours notes that the signal came, gets the loop out of
// its sleep, and returns; the callback runs in a turn of the loop, like every other, and may do
// what it likes.
//
// Invariants
//   1. A signal belongs to at most one loop at a time, in the whole process.
//   2. What handled a signal before it was asked for handles it again afterwards.
//
// Thread safety: none, but for what the handlers themselves touch, which is atomic.
// Source: signal-safety(7); asyncio's loop.add_signal_handler.
#pragma once

#include <signal.h>

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <source_location>
#include <string>

#include "treadle/ready_queue.hpp"
#include "treadle/wakeup.hpp"

namespace treadle {

/// The signal by its name: `SIGINT`.
std::string signal_name(int signal);

/// The signals that one loop has asked for.
class Signals {
 public:
  /// What is called, and the call that asked for it.
  struct Callback {
    std::function<void()> f;
    std::source_location created_at;
  };

  /// Whether the callback is for every signal, or for the first one only: the next does then what
  /// it would have done without us.
  enum class Times { kAlways, kOnce };

  /// `wakeup` is signalled whenever one comes, and must outlive this.
  explicit Signals(Wakeup& wakeup) noexcept : wakeup_(wakeup) {}
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  /// Throws InvalidStateError if another loop handles `signal`, std::invalid_argument if the system
  /// lets no program handle it. A handler of this loop is replaced, and at no moment is the signal
  /// without one; if it has come already, the new handler is called.
  void add(int signal, Callback callback, Times times);

  /// False where it had not been asked for.
  bool remove(int signal);

  /// True where somebody waits for signals that may come at any time.
  bool expects_any() const noexcept { return lasting_ > 0; }

  /// True from the moment a signal came until take().
  bool raised() const noexcept { return raised_.load(std::memory_order_relaxed); }

  /// Calls `ready(callback)` for each signal that came since; several of the same count as one.
  void take(const std::function<void(const std::shared_ptr<Callback>&)>& ready);

 private:
  struct Entry {
    std::shared_ptr<Callback> callback;
    Times times;
    struct sigaction before;
  };

  void begin_to_handle(int signal, Entry& entry);
  static bool set_action(int signal, Times times, struct sigaction* before) noexcept;
  void forget(std::map<int, Entry>::iterator place) noexcept;

  static void on_signal(int signal) noexcept;
  void note(int signal) noexcept;

  Wakeup& wakeup_;
  std::map<int, Entry> entries_;
  int lasting_ = 0;  // how many of them are for every signal

  // Written by signal handlers, on any thread.
  std::atomic<bool> raised_ = false;
  std::array<std::atomic<bool>, NSIG> came_{};
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler takes no lock");
};

}  // namespace treadle
