#include "treadle/errors.hpp"

#include <cstdio>
#include <cstdlib>

namespace treadle {

void fail_precondition(const char* sentence, std::source_location where) noexcept {
  // stdio and not fmt: whatever is broken, this must get out.
  std::fprintf(stderr, "treadle: broken precondition: %s\n  checked in %s\n  at %s:%u\n", sentence,
               where.function_name(), where.file_name(), static_cast<unsigned>(where.line()));
  std::fflush(stderr);
  std::abort();
}

}  // namespace treadle
