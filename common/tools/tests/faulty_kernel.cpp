// A library that stands between a server and the C library, for LD_PRELOAD: system calls fail when a test says so.
//
//   TREADLE_FAULTS="accept=112*1 pread=4*20"     the next accept(2) fails with error 112, the next 20 pread(2) with 4
//
// See kernel_with() in example_kit.py.
#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

class Fault {
 public:
  explicit Fault(const char* call) {
    const char* plan = std::getenv("TREADLE_FAULTS");
    const char* mine = plan == nullptr ? nullptr : std::strstr(plan, call);
    int times = 0;
    if (mine != nullptr && std::sscanf(mine + std::strlen(call), "=%d*%d", &error_, &times) == 2)
      left_ = times;
  }

  // Whether this call is to fail; errno says why.
  bool comes() {
    if (left_.fetch_sub(1) <= 0) {
      ++left_;
      return false;
    }
    errno = error_;
    return true;
  }

 private:
  int error_ = 0;
  std::atomic<int> left_ = 0;
};

// The function of the C library that ours stands before.
template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

// NOLINTBEGIN: these are the C library's names, in order to be called instead of it.
extern "C" {

int accept(int fd, sockaddr* address, socklen_t* length) {
  static Fault fault("accept");
  static auto* next = real<int(int, sockaddr*, socklen_t*)>("accept");
  return fault.comes() ? -1 : next(fd, address, length);
}

int accept4(int fd, sockaddr* address, socklen_t* length, int flags) {
  static Fault fault("accept");
  static auto* next = real<int(int, sockaddr*, socklen_t*, int)>("accept4");
  return fault.comes() ? -1 : next(fd, address, length, flags);
}

int poll(pollfd* fds, nfds_t count, int timeout) {
  static Fault fault("poll");
  static auto* next = real<int(pollfd*, nfds_t, int)>("poll");
  return fault.comes() ? -1 : next(fds, count, timeout);
}

int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* signals) {
  static Fault fault("poll");
  static auto* next = real<int(pollfd*, nfds_t, const timespec*, const sigset_t*)>("ppoll");
  return fault.comes() ? -1 : next(fds, count, timeout, signals);
}

ssize_t pread(int fd, void* buffer, size_t size, off_t offset) {
  static Fault fault("pread");
  static auto* next = real<ssize_t(int, void*, size_t, off_t)>("pread");
  return fault.comes() ? -1 : next(fd, buffer, size, offset);
}

long syscall(long number, ...) {
  static Fault fault("openat2");
  static auto* next = real<long(long, ...)>("syscall");
  va_list list;
  va_start(list, number);
  long word[6];
  for (long& each : word) each = va_arg(list, long);
  va_end(list);
  if (number == SYS_openat2 && fault.comes()) return -1;
  return next(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

}  // extern "C"
// NOLINTEND
