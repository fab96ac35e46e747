// faults.hpp: system calls that fail, or do less, when a test says so.
//
// A kernel interrupts a call, or takes half of what it is given, when it likes. A test cannot wait for that. The kit
// stands between the runtime and the C library, counts the calls, and lets a test choose what comes of them.
#pragma once

#include <cstddef>

namespace treadle::testing {

/// kSocketError is what getsockopt(2) reports about an attempt to connect. kSleep is nanosleep(2), by which
/// std::this_thread::sleep_for() sleeps.
enum class Call { kPoll, kRecv, kSend, kAccept, kConnect, kSocketError, kWrite, kSleep };

/// How often `call` was made since the process began, by all threads.
int calls(Call call) noexcept;

/// For how many milliseconds the last poll(2) was told to wait; less than zero is without end.
int last_poll_timeout() noexcept;

/// How many bytes the last recv or send was asked to move.
std::size_t last_size() noexcept;

/// While it lives, the next `times` calls fail with `error` and do nothing.
class Failing {
 public:
  Failing(Call call, int error, int times = 1) noexcept;
  Failing(const Failing&) = delete;
  Failing& operator=(const Failing&) = delete;
  ~Failing();

  /// How many of them are still to come.
  int left() const noexcept;

 private:
  Call call_;
};

/// While it lives, recv and send move at most `most` bytes at a time.
class InSmallPieces {
 public:
  explicit InSmallPieces(std::size_t most) noexcept;
  InSmallPieces(const InSmallPieces&) = delete;
  InSmallPieces& operator=(const InSmallPieces&) = delete;
  ~InSmallPieces();
};

}  // namespace treadle::testing
