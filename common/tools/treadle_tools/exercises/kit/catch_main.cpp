// The main() of every check. Catch2 version 3 brings its own classes in a library; version 2 makes them here.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <unistd.h>

#include <cstdlib>

namespace {

bool finished = false;

// An answer that calls exit() would otherwise run destructors in the middle of a test case, and crash somewhere in
// Catch2. Leaving at once keeps the finding what it is: the check never came to its end.
void leave_if_unfinished() {
  if (!finished) _exit(86);
}

}  // namespace

int main(int argc, char** argv) {
  Catch::Session session;
  std::atexit(leave_if_unfinished);
  const int failed = session.run(argc, argv);
  finished = true;
  return failed;
}
