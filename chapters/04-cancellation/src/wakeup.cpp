#include "treadle/wakeup.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include "treadle/system.hpp"

namespace treadle {

namespace {

void prepare(int fd) {
  if (System::current().make_nonblocking(fd) < 0)
    throw std::system_error(errno, std::generic_category(), "fcntl of a pipe");
}

}  // namespace

Wakeup::Wakeup() {
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
  // A pipe that is full has been written to, and that is all we want.
  const char byte = 0;
  while (System::current().write(write_end_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

bool Wakeup::try_again() noexcept {
  std::array<char, 256> ignored;
  while (System::current().read(read_end_.get(), ignored.data(), ignored.size()) ==
         static_cast<ssize_t>(ignored.size())) {
  }
  return false;
}

}  // namespace treadle
