// raw_hop.hpp: a ping-pong between two threads over system calls, and nothing else. What a thread sleeps on is its Bell.
#pragma once

#include <bench.hpp>
#include <threads.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace raw {

inline void require(bool good, char const* call) {
  if (good) return;
  std::perror(call);
  std::exit(1);
}

// An eventfd that any thread may ring and one waits for.
class EventFd {
 public:
  EventFd() { require(fd_ >= 0, "eventfd"); }
  EventFd(EventFd const&) = delete;
  EventFd& operator=(EventFd const&) = delete;
  ~EventFd() { close(fd_); }

  int fd() const { return fd_; }
  void ring() const {
    std::uint64_t const one = 1;
    require(write(fd_, &one, sizeof one) == sizeof one, "write");
  }
  void drain() const {
    std::uint64_t count = 0;
    require(read(fd_, &count, sizeof count) == sizeof count, "read");
  }

 private:
  int const fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

// A Bell has ring(), for the other thread, and wait(), for its own.
template <class Bell>
void ping_pong(bench::Run& run) {
  bench::Hops hops(run);
  Bell here;
  Bell there;
  std::thread other([&] {
    bench::pin_thread(hops.other_place());
    here.ring();  // it is there
    for (std::uint64_t left = run.operations(); left > 0; --left) {
      there.wait();
      here.ring();
    }
  });
  here.wait();
  while (hops.next()) {
    there.ring();
    here.wait();
  }
  other.join();
}

}  // namespace raw
