#include "treadle/unique_fd.hpp"

#include "treadle/system.hpp"

namespace treadle {

void UniqueFd::reset(int fd) noexcept {
  // Not repeated on EINTR: Linux has let go of the number by then, and another thread may have it
  // already.
  if (const int old = std::exchange(fd_, fd); old >= 0) System::current().close(old);
}

}  // namespace treadle
