// faults.hpp: system calls that fail, or do less, when a test says so.
//
// A kernel interrupts a call, or takes half of what it is given, when it likes. A test cannot wait for that. The kit
// puts a System of its own in the place of the runtime's, which counts the calls and lets a test choose their results.
// Calls that a test makes itself do not pass through it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <limits>
#include <system_error>
#include <utility>

#include "treadle/system.hpp"

namespace treadle::testing {

/// kSocketError is what getsockopt(2) reports about an attempt to connect. kSleep is a call of System::sleep_for() with
/// a time above zero.
enum class Call {
  kSleep,
  kPoll,
  kRecv,
  kSend,
  kSocket,
  kAccept,
  kConnect,
  kSocketError,
  kBind,
  kListen,
  kShutdown,
  kSocketName,
  kSetOption,
  kNonblocking,
  kClose,
  kPipe,
  kRead,
  kWrite,
  kEventfd,
  kThread
};

/// The real system, with faults.
class FaultySystem final : public System {
 public:
  /// The one of this process, which the runtime asks.
  static FaultySystem& instance() noexcept {
    static FaultySystem system;
    [[maybe_unused]] static System& replaced = System::replace(system);
    return system;
  }

  // ---- What a test asks and orders. Several loops in several threads make calls at the same time.

  struct Plan {
    std::atomic<int> made = 0;
    std::atomic<int> error = 0;
    std::atomic<int> times = 0;
  };
  Plan& plan(Call call) noexcept { return plans_[static_cast<std::size_t>(call)]; }

  static constexpr int kOneByte = -1;  // as an error: the call succeeds, and moves one byte

  std::atomic<int> calls_to_fault =
      0;  // counted down by each call that fault_error applies to; 0 is never
  std::atomic<int> fault_error = 0;
  std::atomic<std::chrono::nanoseconds> last_timeout{};
  std::atomic<std::size_t> last_bytes = 0;
  std::atomic<std::size_t> most_bytes = std::numeric_limits<std::size_t>::max();

  // ---- The calls

  void sleep_for(std::chrono::nanoseconds time) noexcept override {
    if (time > time.zero()) ++plan(Call::kSleep).made;
    System::sleep_for(time);
  }

#if __has_include("treadle/poller.hpp")
  int poll(std::span<pollfd> questions, std::chrono::nanoseconds timeout) noexcept override {
    last_timeout = timeout;
    return fails(Call::kPoll) ? -1 : System::poll(questions, timeout);
  }
  ssize_t recv(int fd, std::span<char> buffer) noexcept override {
    last_bytes = buffer.size();
    if (fails(Call::kRecv)) return -1;
    return System::recv(fd, buffer.first(std::min(buffer.size(), take_most())));
  }
  ssize_t send(int fd, std::string_view text) noexcept override {
    last_bytes = text.size();
    return fails(Call::kSend) ? -1 : System::send(fd, text.substr(0, take_most()));
  }
  int socket(int family) noexcept override {
    return fails(Call::kSocket) ? -1 : System::socket(family);
  }
  int accept(int fd, sockaddr* address, socklen_t* length) noexcept override {
    return fails(Call::kAccept) ? -1 : System::accept(fd, address, length);
  }
  int connect(int fd, const sockaddr* address, socklen_t length) noexcept override {
    if (!fails(Call::kConnect)) return System::connect(fd, address, length);
    // An attempt that is interrupted has begun, and goes on.
    if (const int error = errno; error == EINTR) {
      System::connect(fd, address, length);
      errno = error;
    }
    return -1;
  }
  int bind(int fd, const sockaddr* address, socklen_t length) noexcept override {
    return fails(Call::kBind) ? -1 : System::bind(fd, address, length);
  }
  int listen(int fd, int backlog) noexcept override {
    return fails(Call::kListen) ? -1 : System::listen(fd, backlog);
  }
  int shutdown(int fd, int how) noexcept override {
    return fails(Call::kShutdown) ? -1 : System::shutdown(fd, how);
  }
  int getsockname(int fd, sockaddr* address, socklen_t* length) noexcept override {
    return fails(Call::kSocketName) ? -1 : System::getsockname(fd, address, length);
  }
  int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept override {
    if (level != SOL_SOCKET || name != SO_ERROR || !fails(Call::kSocketError))
      return System::getsockopt(fd, level, name, value, size);
    *static_cast<int*>(value) = errno;
    return 0;
  }
  int setsockopt(int fd, int level, int name, int value) noexcept override {
    return fails(Call::kSetOption) ? -1 : System::setsockopt(fd, level, name, value);
  }
  int make_nonblocking(int fd) noexcept override {
    return fails(Call::kNonblocking) ? -1 : System::make_nonblocking(fd);
  }
  int close(int fd) noexcept override {
    // Whatever close(2) reports, the descriptor is closed.
    const int result = System::close(fd);
    return fails(Call::kClose) ? -1 : result;
  }
#endif

#if __has_include("treadle/wakeup.hpp")
  int pipe(std::array<int, 2>& ends) noexcept override {
    return fails(Call::kPipe) ? -1 : System::pipe(ends);
  }
  ssize_t read(int fd, void* buffer, std::size_t size) noexcept override {
    return fails(Call::kRead) ? -1 : System::read(fd, buffer, size);
  }
  ssize_t write(int fd, const void* data, std::size_t size) noexcept override {
    return fails(Call::kWrite) ? -1 : System::write(fd, data, size);
  }
#endif

#if __has_include("treadle/thread_pool.hpp")
  int eventfd() noexcept override { return fails(Call::kEventfd) ? -1 : System::eventfd(); }
  std::thread start_thread(std::function<void()> run) override {
    if (!fails(Call::kThread)) return System::start_thread(std::move(run));
    throw std::system_error(errno, std::generic_category(), "thread");
  }
#endif

 private:
  constexpr FaultySystem() noexcept = default;

  // Whether this call is to fail; errno says why.
  bool fails(Call call) noexcept {
    ++plan(call).made;
    if (const int error = take_planned(call) ? plan(call).error.load() : nth(call); error > 0) {
      errno = error;
      return true;
    }
    return false;
  }

  bool take_planned(Call call) noexcept {
    std::atomic<int>& left = plan(call).times;
    int times = left;
    while (times > 0 && !left.compare_exchange_weak(times, times - 1)) {
    }
    return times > 0;
  }

  // The error of the call on which the fault falls, else 0.
  int nth(Call call) noexcept {
    if (calls_to_fault == 0 || !applies(call, fault_error) || --calls_to_fault > 0) return 0;
    if (fault_error != kOneByte) return fault_error;
    one_byte_ = true;
    return 0;
  }

  static bool applies(Call call, int error) noexcept {
    const bool moves_bytes = call == Call::kRecv || call == Call::kSend;
    if (error == kOneByte) return moves_bytes;
    const bool may_wait = moves_bytes || call == Call::kAccept || call == Call::kPoll ||
                          call == Call::kRead || call == Call::kWrite;
    if (error == EAGAIN) return may_wait && call != Call::kWrite;
    if (error == EINTR) return may_wait || call == Call::kConnect || call == Call::kClose;
    // What is written to a wake-up, or read from it, can only be interrupted or not be there.
    return call != Call::kRead && call != Call::kWrite;
  }

  std::size_t take_most() noexcept { return one_byte_.exchange(false) ? 1 : most_bytes.load(); }

  std::array<Plan, static_cast<std::size_t>(Call::kThread) + 1> plans_{};
  std::atomic<bool> one_byte_ = false;
};

// From the beginning of the process.
inline FaultySystem& faulty_system = FaultySystem::instance();

/// How often `call` was made since the process began, by all threads.
inline int calls(Call call) noexcept { return FaultySystem::instance().plan(call).made; }

/// For how long the last poll(2) was told to wait; less than zero is without end.
inline std::chrono::nanoseconds last_poll_timeout() noexcept {
  return FaultySystem::instance().last_timeout;
}

/// How many bytes the last recv or send was asked to move.
inline std::size_t last_size() noexcept { return FaultySystem::instance().last_bytes; }

/// While it lives, the next `times` calls fail with `error` and do nothing.
class Failing {
 public:
  Failing(Call call, int error, int times = 1) noexcept
      : plan_(FaultySystem::instance().plan(call)) {
    plan_.error = error;
    plan_.times = times;
  }
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  ~Failing() { plan_.times = 0; }

  /// How many of them are still to come.
  int left() const noexcept { return plan_.times; }

 private:
  FaultySystem::Plan& plan_;
};

/// While it lives, the n-th call fails with `error`, of whatever kind it is. Of calls that cannot fail with EINTR or
/// EAGAIN, none is counted for these.
class NthCallFails {
 public:
  /// Not an error: the n-th recv or send moves one byte.
  static constexpr int kOneByte = FaultySystem::kOneByte;

  NthCallFails(int n, int error) noexcept {
    FaultySystem::instance().fault_error = error;
    FaultySystem::instance().calls_to_fault = n;
  }
  NthCallFails(const NthCallFails&) = delete;
  NthCallFails& operator=(const NthCallFails&) = delete;
  ~NthCallFails() { FaultySystem::instance().calls_to_fault = 0; }

  bool happened() const noexcept { return FaultySystem::instance().calls_to_fault == 0; }
};

#if __has_include("treadle/thread_pool.hpp")
/// While it lives, no thread can be made.
class NoThreads {
  const Failing failing_{Call::kThread, EAGAIN, std::numeric_limits<int>::max()};
};
#endif

/// While it lives, recv and send move at most `most` bytes at a time.
class InSmallPieces {
 public:
  explicit InSmallPieces(std::size_t most) noexcept { FaultySystem::instance().most_bytes = most; }
  InSmallPieces(const InSmallPieces&) = delete;
  InSmallPieces& operator=(const InSmallPieces&) = delete;
  ~InSmallPieces() {
    FaultySystem::instance().most_bytes = std::numeric_limits<std::size_t>::max();
  }
};

}  // namespace treadle::testing
