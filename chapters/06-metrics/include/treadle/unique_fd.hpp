// unique_fd.hpp: the one owner of a file descriptor.
//
// A descriptor is a number, and a number can be copied, forgotten, or closed twice, the second
// time closing somebody else's file. So each has one owner, which closes it.
//
// Invariants
//   1. A UniqueFd holds a descriptor that is open and that nobody else will close, or -1.
//
// Thread safety: none.
#pragma once

#include <utility>

namespace treadle {

class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives the descriptor away, open.
  int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes the descriptor, if there is one, and owns `fd` instead. An error of close(2) is not
  /// reported: the descriptor is gone whatever it says.
  void reset(int fd = -1) noexcept;

 private:
  int fd_ = -1;
};

}  // namespace treadle
