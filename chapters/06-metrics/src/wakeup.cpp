#include "treadle/wakeup.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include "treadle/system.hpp"

namespace treadle {

namespace {

void prepare(int fd) {
  if (System::current().make_nonblocking(fd) < 0)
    throw std::system_error(errno, std::generic_category(), "fcntl of a pipe");
}

}  // namespace

Wakeup::Wakeup() : read_end_(System::current().eventfd()), registration_(read_end_.get()) {
  if (read_end_) return;
  if (errno != ENOSYS) throw std::system_error(errno, std::generic_category(), "eventfd");
  std::array<int, 2> ends;
  if (System::current().pipe(ends) < 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  read_end_ = UniqueFd(ends[0]);
  write_end_ = UniqueFd(ends[1]);
  registration_ = Registration(ends[0]);
  prepare(ends[0]);
  prepare(ends[1]);
}

void Wakeup::signal() noexcept {
  // The size that an eventfd asks for. One that is full has been written to, and that is all we
  // want.
  const std::uint64_t one = 1;
  const UniqueFd& end = write_end_ ? write_end_ : read_end_;
  while (System::current().write(end.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

bool Wakeup::try_again() noexcept {
  std::uint64_t ignored;
  while (System::current().read(read_end_.get(), &ignored, sizeof ignored) == sizeof ignored) {
    if (!write_end_) break;  // an eventfd gives all of it at once
  }
  return false;
}

}  // namespace treadle
