// Comes before an answer, after everything the check includes. An unfinished run that the loop itself diagnosed shows
// up as a result of its own ("deadlock") instead of as a test case that threw something.
#pragma once
#if __has_include(<treadle/errors.hpp>)
#include <treadle/errors.hpp>

CATCH_TRANSLATE_EXCEPTION(treadle::DeadlockError& error) {
  return std::string("[deadlock] ") + error.what();
}
#endif
