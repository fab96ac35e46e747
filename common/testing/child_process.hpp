// child_process.hpp: code that ends its process, run in one that may be ended.
//
// A broken precondition stops the process, and a test of it must not go with it. So the code runs in a forked child,
// and the test looks at how the child ended and what it said. A child that does not end is ended after a while.
#pragma once

#include <functional>
#include <string>

namespace treadle::testing {

/// How a child ended.
struct Ending {
  int exit_code = -1;  ///< -1 where a signal ended it
  int signal = 0;      ///< 0 where it ended by itself
  std::string said;    ///< what it wrote to stderr
};

/// Runs `body` in a forked child and waits for its end: exit code 0 where it returns, 99 where it throws. Nothing it
/// leaves behind is destroyed. After the time limit (time_limit.hpp) SIGALRM ends it.
Ending in_child(const std::function<void()>& body);

/// What a child says that runs `body` and is stopped by abort(); where it ended in another way, a sentence that says so.
std::string said_in_dying(const std::function<void()>& body);

/// A process that runs beside the test, such as a client. Killed if the test ends before it.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<void()>& body);
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  /// Waits for its end.
  Ending wait();

 private:
  int process_ = -1;
  int said_ = -1;  // the end of a pipe
};

}  // namespace treadle::testing
