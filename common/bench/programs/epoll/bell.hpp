// bell.hpp: a thread asleep in epoll_wait on an eventfd, as most loops have it: a hop is a write, an epoll_wait, a read.
#pragma once

#include <raw_hop.hpp>

#include <sys/epoll.h>

class EpollBell {
 public:
  EpollBell() {
    epoll_event event{};
    event.events = EPOLLIN;
    raw::require(epoll_ >= 0, "epoll_create1");
    raw::require(epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_.fd(), &event) == 0, "epoll_ctl");
  }
  EpollBell(EpollBell const&) = delete;
  EpollBell& operator=(EpollBell const&) = delete;
  ~EpollBell() { close(epoll_); }

  void ring() const { bell_.ring(); }
  void wait() const {
    epoll_event event{};
    raw::require(epoll_wait(epoll_, &event, 1, -1) == 1, "epoll_wait");
    bell_.drain();
  }

 private:
  raw::EventFd const bell_;
  int const epoll_ = epoll_create1(EPOLL_CLOEXEC);
};
