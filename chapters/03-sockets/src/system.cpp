#include "treadle/system.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <limits>
#include <thread>

// Not every system has yet what POSIX has had since 2024.
#ifndef TREADLE_PORTABLE
#if defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define TREADLE_POSIX_2024
#endif
#endif

namespace treadle {

namespace {

#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;
#endif  // MSG_NOSIGNAL

}  // namespace

// Neither needs code that runs before main().
constinit System System::real_;
constinit std::atomic<System*> System::current_ = &System::real_;

std::chrono::steady_clock::time_point System::now() noexcept {
  return std::chrono::steady_clock::now();
}

void System::sleep_for(std::chrono::nanoseconds time) noexcept {
  std::this_thread::sleep_for(time);
}

#ifdef TREADLE_POSIX_2024

int System::poll(std::span<pollfd> questions, std::chrono::nanoseconds timeout) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec time{static_cast<std::time_t>(seconds.count()),
                      static_cast<long>((timeout - seconds).count())};
  const timespec* const end = timeout < timeout.zero() ? nullptr : &time;
  return ::ppoll(questions.data(), static_cast<nfds_t>(questions.size()), end, nullptr);
}

#else

namespace {

int to_milliseconds(std::chrono::nanoseconds timeout) noexcept {
  if (timeout < timeout.zero()) return -1;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return static_cast<int>(std::min<std::int64_t>(rounded, std::numeric_limits<int>::max()));
}

}  // namespace

int System::poll(std::span<pollfd> questions, std::chrono::nanoseconds timeout) noexcept {
  return ::poll(questions.data(), static_cast<nfds_t>(questions.size()), to_milliseconds(timeout));
}

#endif

ssize_t System::recv(int fd, std::span<char> buffer) noexcept {
  return ::recv(fd, buffer.data(), buffer.size(), 0);
}

ssize_t System::send(int fd, std::string_view text) noexcept {
  return ::send(fd, text.data(), text.size(), kNoSignal);
}

#ifdef TREADLE_POSIX_2024

int System::socket(int family) noexcept {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int System::accept(int fd, sockaddr* address, socklen_t* length) noexcept {
  return ::accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

#else

int System::socket(int family) noexcept {
  return without_blocking(::socket(family, SOCK_STREAM, 0));
}

int System::accept(int fd, sockaddr* address, socklen_t* length) noexcept {
  return without_blocking(::accept(fd, address, length));
}

// Prepares the descriptor that socket(2) or accept(2) gave, and closes it if that fails.
int System::without_blocking(int fd) noexcept {
  if (fd < 0 || make_nonblocking(fd) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

#endif

int System::connect(int fd, const sockaddr* address, socklen_t length) noexcept {
  return ::connect(fd, address, length);
}

int System::bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  return ::bind(fd, address, length);
}

int System::listen(int fd, int backlog) noexcept { return ::listen(fd, backlog); }

int System::shutdown(int fd, int how) noexcept { return ::shutdown(fd, how); }

int System::getsockname(int fd, sockaddr* address, socklen_t* length) noexcept {
  return ::getsockname(fd, address, length);
}

int System::getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  return ::getsockopt(fd, level, name, value, size);
}

int System::setsockopt(int fd, int level, int name, int value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value);
}

int System::make_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
  return ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int System::close(int fd) noexcept { return ::close(fd); }

}  // namespace treadle
