// The bound for the network: epoll, one recv and one send per request, one buffer for all, level-triggered.
#include <raw_socket.hpp>

#include <sys/epoll.h>

static void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) raw::fail("epoll_ctl");
}

BENCH(echo) {
  (void)run;
  int const listener = raw::listen_and_announce();
  int const epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener);
  std::array<epoll_event, 256> events;
  for (;;) {
    int const n = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    if (n < 0 && errno != EINTR) raw::fail("epoll_wait");
    for (int i = 0; i < n; ++i) {
      int const fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd != listener) {
        if (!raw::echo_once(fd)) close(fd);
      } else {
        for (int client = raw::accept_next(listener); client >= 0;
             client = raw::accept_next(listener))
          watch(epoll, client);
      }
    }
  }
}
