// hello_loop: two tasks on one thread take turns.
#include <fmt/format.h>

#include <string>

#include "treadle/event_loop.hpp"

treadle::Coro<> count_to(int last, std::string name) {
  for (int i = 1; i <= last; ++i) {
    fmt::print("{} {}\n", name, i);
    co_await treadle::yield_now();
  }
}

int main() {
  treadle::EventLoop loop;
  loop.create_task(count_to(3, "tick"));
  loop.create_task(count_to(2, "tock"));
  loop.run_forever();
}
