// A library of one function, so that linking with a stage's sources is tried.
#pragma once

namespace treadle {

int plus(int a, int b);
void wait_for_nobody();  // throws DeadlockError

}  // namespace treadle
