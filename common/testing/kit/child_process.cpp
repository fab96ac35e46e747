#include "testing/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>

#include "testing/time_limit.hpp"

namespace treadle::testing {

namespace {

bool is_child = false;

// Catch2 catches fatal signals to report them: not its business in a child. A core dump of each would take long.
void be_a_child(int said) {
  is_child = true;
  // Catch2 has redirected these into something that it destroys at exit(), before they are flushed a last time.
  for (std::ostream* stream : {&std::cout, &std::cerr, &std::clog}) stream->rdbuf(nullptr);
  for (int signal : {SIGABRT, SIGALRM, SIGSEGV, SIGFPE, SIGILL, SIGTERM, SIGINT})
    ::signal(signal, SIG_DFL);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  const int nowhere = ::open("/dev/null", O_WRONLY);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(said, STDERR_FILENO);
  ::alarm(static_cast<unsigned>(time_limit().count()));
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

}  // namespace

ChildProcess::ChildProcess(const std::function<void()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw std::runtime_error("pipe failed");
  std::fflush(nullptr);  // what is buffered would be written twice
  process_ = ::fork();
  if (process_ < 0) throw std::runtime_error("fork failed");
  if (process_ == 0) {
    be_a_child(ends[1]);
    try {
      body();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "thrown: %s\n", error.what());
    } catch (...) {
      std::fprintf(stderr, "thrown: an object that is no std::exception\n");
    }
    ::_exit(99);
  }
  ::close(ends[1]);
  said_ = ends[0];
}

ChildProcess::~ChildProcess() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  ::close(said_);
}

Ending ChildProcess::wait() {
  Ending ending;
  ending.said = read_all(said_);
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  if (WIFEXITED(status)) ending.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending.signal = WTERMSIG(status);
  return ending;
}

Ending in_child(const std::function<void()>& body) { return ChildProcess(body).wait(); }

std::string said_in_dying(const std::function<void()>& body) {
  const Ending ending = in_child(body);
  if (ending.signal == SIGABRT) return ending.said;
  return "it did not abort: exit code " + std::to_string(ending.exit_code) + ", signal " +
         std::to_string(ending.signal) + ", it said: " + ending.said;
}

}  // namespace treadle::testing

// LeakSanitizer asks this when a program calls exit(). In a child of fork(2) it would look for its parent's threads, which
// are not there, and count as lost what they held.
extern "C" int __lsan_is_turned_off() {  // NOLINT: its name
  return treadle::testing::is_child ? 1 : 0;
}
