// deaf: a ticker that also wants to hear from you. While it listens, its clock stands still.
//
// The loop can wait for a time. It cannot wait for a line of input: std::getline() puts the one
// thread to sleep, and all the tasks with it.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using namespace treadle;

namespace {

void say(const std::string& words) {
  fmt::print("{}\n", words);
  std::fflush(stdout);
}

Coro<> tick() {
  EventLoop& loop = co_await get_running_loop();
  Clock::time_point due = loop.time();
  for (int i = 1; i <= 10; ++i) {
    co_await sleep_until(due += 200ms);
    const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(loop.time() - due);
    say(fmt::format("tick {}, {} ms late", i, late.count()));
  }
}

Coro<> listen() {
  co_await Sleep(500ms);
  say("Say something:");
  std::string line;
  std::getline(std::cin, line);
  say("I heard: " + line);
}

}  // namespace

int main() {
  EventLoop loop;
  loop.create_task(tick());
  loop.create_task(listen());
  loop.run_forever();
}
