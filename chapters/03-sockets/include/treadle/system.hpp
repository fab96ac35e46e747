// system.hpp: everything that the library asks of the operating system.
//
// A program does the same in each run, except for what the operating system answers: the time, the bytes of a
// connection, the call that fails. All these questions pass through one object. A test puts another object in its
// place and decides every answer.
//
// Invariants
//   1. No other source of the library reads a clock, lets a thread sleep or makes a system call on a descriptor.
//
// Thread safety: current() may be called from any thread, and so may every function of the object that it returns.
// Cost: one virtual call for each question, which is little beside a system call.
// Source: section 2 of the manual; each function has the name of the call that it makes.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <span>
#include <string_view>

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

  // System calls. Each is made once and not repeated after EINTR, and gives what the call gives: less than zero if it
  // failed, and then errno says why.

  /// A timeout below zero is none. It is rounded up to what the kernel counts in.
  virtual int poll(std::span<pollfd> questions, std::chrono::nanoseconds timeout) noexcept;

  virtual ssize_t recv(int fd, std::span<char> buffer) noexcept;

  /// Raises no SIGPIPE, on a system on which one call can ask for that.
  virtual ssize_t send(int fd, std::string_view text) noexcept;

  /// A stream socket that does not block, and that a program started with exec(3) does not have. Where the system can,
  /// it is so from the beginning: otherwise a thread that calls fork(2) may come in between.
  virtual int socket(int family) noexcept;

  /// The same of the socket that it gives.
  virtual int accept(int fd, sockaddr* address, socklen_t* length) noexcept;
  virtual int connect(int fd, const sockaddr* address, socklen_t length) noexcept;
  virtual int bind(int fd, const sockaddr* address, socklen_t length) noexcept;
  virtual int listen(int fd, int backlog) noexcept;
  virtual int shutdown(int fd, int how) noexcept;
  virtual int getsockname(int fd, sockaddr* address, socklen_t* length) noexcept;
  virtual int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept;
  virtual int setsockopt(int fd, int level, int name, int value) noexcept;

  /// fcntl(2): calls on `fd` do not block, and a program that is started with exec(3) does not have it.
  virtual int make_nonblocking(int fd) noexcept;

  virtual int close(int fd) noexcept;

 protected:
  constexpr System() noexcept = default;
  // Not virtual, because no system is deleted through its base: the real one has nothing to destroy, and answers
  // until the last object of the program is gone.
  ~System() = default;

 private:
  int without_blocking(int fd) noexcept;

  static System real_;
  static std::atomic<System*> current_;
};

}  // namespace treadle
