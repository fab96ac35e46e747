// A thread asleep in poll(2) on an eventfd: a hop is a write, a poll, a read.
#include <raw_hop.hpp>

#include <poll.h>

namespace {

class PollBell {
 public:
  void ring() const { bell_.ring(); }
  void wait() const {
    pollfd one{bell_.fd(), POLLIN, 0};
    raw::require(poll(&one, 1, -1) == 1, "poll");
    bell_.drain();
  }

 private:
  raw::EventFd const bell_;
};

}  // namespace

BENCH(hop) { raw::ping_pong<PollBell>(run); }
