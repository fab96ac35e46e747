// The bound for a runtime that stands on poll(2): the array of all descriptors goes to the kernel on every turn.
#include <raw_socket.hpp>

#include <poll.h>

#include <cstddef>
#include <vector>

namespace {

// Clients that left are marked -1 by the pass that noticed and removed after it.
void serve_ready(std::vector<pollfd>& watched) {
  for (std::size_t i = 1; i < watched.size(); ++i) {
    if (watched[i].revents == 0 || raw::echo_once(watched[i].fd)) continue;
    close(watched[i].fd);
    watched[i].fd = -1;
  }
  std::erase_if(watched, [](pollfd const& entry) { return entry.fd < 0; });
}

}  // namespace

BENCH(echo) {
  (void)run;
  std::vector<pollfd> watched{{raw::listen_and_announce(), POLLIN, 0}};
  for (;;) {
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) raw::fail("poll");
    bool const somebody_waits = watched[0].revents != 0;
    serve_ready(watched);
    if (!somebody_waits) continue;
    int const listener = watched[0].fd;
    for (int fd = raw::accept_next(listener); fd >= 0; fd = raw::accept_next(listener))
      watched.push_back({fd, POLLIN, 0});
  }
}
