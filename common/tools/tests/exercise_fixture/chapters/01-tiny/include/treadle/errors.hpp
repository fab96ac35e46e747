// A stand-in for the runtime's error: enough for the exercises' own tests, which must run without the runtime.
#pragma once
#include <stdexcept>

namespace treadle {

struct DeadlockError : std::logic_error {
  using std::logic_error::logic_error;
};

}  // namespace treadle
