// A thread asleep in epoll_wait on an eventfd that is edge-triggered and never read: the fewest calls that wake a thread,
// a write and an epoll_wait a hop.
#include <raw_hop.hpp>

#include <sys/epoll.h>

namespace {

class EdgeBell {
 public:
  EdgeBell() {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    raw::require(epoll_ >= 0, "epoll_create1");
    raw::require(epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_.fd(), &event) == 0, "epoll_ctl");
  }
  EdgeBell(EdgeBell const&) = delete;
  EdgeBell& operator=(EdgeBell const&) = delete;
  ~EdgeBell() { close(epoll_); }

  void ring() const { bell_.ring(); }
  void wait() const {
    epoll_event event{};
    raw::require(epoll_wait(epoll_, &event, 1, -1) == 1, "epoll_wait");
  }

 private:
  raw::EventFd const bell_;
  int const epoll_ = epoll_create1(EPOLL_CLOEXEC);
};

}  // namespace

BENCH(hop) { raw::ping_pong<EdgeBell>(run); }
