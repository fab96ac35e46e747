#include "testing/faults.hpp"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

namespace treadle::testing {

namespace {

// Several loops in several threads make calls at the same time.
struct Plan {
  std::atomic<int> made = 0;
  std::atomic<int> error = 0;
  std::atomic<int> times = 0;
};

std::array<Plan, 8> plans;
std::atomic<int> last_timeout = 0;
std::atomic<std::size_t> last_bytes = 0;
std::atomic<std::size_t> most_bytes = static_cast<std::size_t>(-1);

Plan& plan(Call call) { return plans[static_cast<std::size_t>(call)]; }

// Whether this call is to fail; errno says why.
bool fails(Call call) {
  Plan& what = plan(call);
  ++what.made;
  int times = what.times;
  while (times > 0 && !what.times.compare_exchange_weak(times, times - 1)) {
  }
  if (times == 0) return false;
  errno = what.error;
  return true;
}

// The function of the C library that ours stands before.
template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

int calls(Call call) noexcept { return plan(call).made; }
int last_poll_timeout() noexcept { return last_timeout; }
std::size_t last_size() noexcept { return last_bytes; }

Failing::Failing(Call call, int error, int times) noexcept : call_(call) {
  plan(call).error = error;
  plan(call).times = times;
}
Failing::~Failing() { plan(call_).times = 0; }
int Failing::left() const noexcept { return plan(call_).times; }

InSmallPieces::InSmallPieces(std::size_t most) noexcept { most_bytes = most; }
InSmallPieces::~InSmallPieces() { most_bytes = static_cast<std::size_t>(-1); }

NoThreads::NoThreads() noexcept {
  pthread_attr_t usual;
  ::pthread_getattr_default_np(&usual);
  ::pthread_attr_getstacksize(&usual, &stack_size_);
  ::pthread_attr_setstacksize(&usual, std::size_t{1} << 60);
  ::pthread_setattr_default_np(&usual);
  ::pthread_attr_destroy(&usual);
}
NoThreads::~NoThreads() {
  pthread_attr_t usual;
  ::pthread_getattr_default_np(&usual);
  ::pthread_attr_setstacksize(&usual, stack_size_);
  ::pthread_setattr_default_np(&usual);
  ::pthread_attr_destroy(&usual);
}

}  // namespace treadle::testing

// NOLINTBEGIN: these are the C library's names, in order to be called instead of it.
using namespace treadle::testing;

extern "C" {

int poll(pollfd* fds, nfds_t count, int timeout) {
  static auto* next = real<int(pollfd*, nfds_t, int)>("poll");
  last_timeout = timeout;
  return fails(Call::kPoll) ? -1 : next(fds, count, timeout);
}

int nanosleep(const timespec* time, timespec* left) {
  static auto* next = real<int(const timespec*, timespec*)>("nanosleep");
  return fails(Call::kSleep) ? -1 : next(time, left);
}

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  static auto* next = real<ssize_t(int, void*, size_t, int)>("recv");
  last_bytes = size;
  return fails(Call::kRecv) ? -1 : next(fd, buffer, std::min(size, most_bytes.load()), flags);
}

ssize_t send(int fd, const void* buffer, size_t size, int flags) {
  static auto* next = real<ssize_t(int, const void*, size_t, int)>("send");
  last_bytes = size;
  return fails(Call::kSend) ? -1 : next(fd, buffer, std::min(size, most_bytes.load()), flags);
}

// Looked up before there are threads and signal handlers, who may write as well.
static auto* const real_write = real<ssize_t(int, const void*, size_t)>("write");

ssize_t write(int fd, const void* buffer, size_t size) {
  if (fails(Call::kWrite)) return -1;
  return (real_write ? real_write : real<ssize_t(int, const void*, size_t)>("write"))(fd, buffer,
                                                                                      size);
}

int accept(int fd, sockaddr* address, socklen_t* length) {
  static auto* next = real<int(int, sockaddr*, socklen_t*)>("accept");
  return fails(Call::kAccept) ? -1 : next(fd, address, length);
}

int connect(int fd, const sockaddr* address, socklen_t length) {
  static auto* next = real<int(int, const sockaddr*, socklen_t)>("connect");
  return fails(Call::kConnect) ? -1 : next(fd, address, length);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) {
  static auto* next = real<int(int, int, int, void*, socklen_t*)>("getsockopt");
  if (level != SOL_SOCKET || name != SO_ERROR || !fails(Call::kSocketError))
    return next(fd, level, name, value, size);
  *static_cast<int*>(value) = errno;
  return 0;
}

}  // extern "C"
// NOLINTEND
