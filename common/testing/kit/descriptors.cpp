#include "testing/descriptors.hpp"

#include <dirent.h>

#include <stdexcept>

namespace treadle::testing {

std::size_t open_descriptors() {
  DIR* directory =
      ::opendir("/dev/fd");  // on Linux a link to /proc/self/fd, and the BSDs have it, too
  if (directory == nullptr) throw std::runtime_error("/dev/fd cannot be read");
  std::size_t count = 0;
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count;  // with `.`, `..` and the directory itself: the same each time
}

}  // namespace treadle::testing
