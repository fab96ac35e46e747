#include "treadle/wakeup.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#if defined(__linux__) && !defined(TREADLE_PORTABLE)
#include <sys/eventfd.h>
#else
#include <fcntl.h>

#include <array>
#endif

namespace treadle {

#if defined(__linux__) && !defined(TREADLE_PORTABLE)

Wakeup::Wakeup() : read_end_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!read_end_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

#else

namespace {

void prepare(int fd) {
  if (::fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
    throw std::system_error(errno, std::generic_category(), "fcntl of a pipe");
}

}  // namespace

Wakeup::Wakeup() {
  std::array<int, 2> ends;
  if (::pipe(ends.data()) < 0) throw std::system_error(errno, std::generic_category(), "pipe");
  read_end_ = UniqueFd(ends[0]);
  write_end_ = UniqueFd(ends[1]);
  prepare(ends[0]);
  prepare(ends[1]);
}

#endif

void Wakeup::signal() noexcept {
  // The size that an eventfd asks for. One that is full has been written to, and that is all we
  // want.
  const std::uint64_t one = 1;
  const UniqueFd& end = write_end_ ? write_end_ : read_end_;
  while (::write(end.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

bool Wakeup::try_again() noexcept {
  std::uint64_t ignored;
  while (::read(read_end_.get(), &ignored, sizeof ignored) == sizeof ignored) {
    if (!write_end_) break;  // an eventfd gives all of it at once
  }
  return false;
}

}  // namespace treadle
