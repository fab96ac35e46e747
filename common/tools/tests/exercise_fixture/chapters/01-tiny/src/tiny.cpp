#include "treadle/tiny.hpp"

#include "treadle/errors.hpp"

namespace treadle {

int plus(int a, int b) { return a + b; }

void wait_for_nobody() { throw DeadlockError("1 task is waiting and nobody is left to wake it: \"reader\""); }

}  // namespace treadle
