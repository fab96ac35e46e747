// patient: four tasks that would sleep for an hour, asked to end. What each makes of it is its own
// affair, and each way is a sentence of the contract.
//
// Press Ctrl-C while it runs: then everybody hears it from main().
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>

#include "support/deadline.hpp"
#include "treadle/run.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using namespace treadle;

namespace {

const auto start = std::chrono::steady_clock::now();

void say(const std::string& words) {
  const std::chrono::duration<double> when = std::chrono::steady_clock::now() - start;
  fmt::print("{:4.1f}s  {}\n", when.count(), words);
  std::fflush(stdout);
}

struct Tools {
  ~Tools() { say("the tidy one   puts the tools away"); }
};

// Ends when it is asked to. Its locals are destroyed as by any exception. Cleaning up may take its
// time, and even await: not in the catch block, where C++ forbids it, but behind.
Coro<> tidy() {
  const Tools tools;
  std::exception_ptr asked;
  try {
    co_await Sleep(1h);
  } catch (const CancelledError& cancelled) {
    say("the tidy one   is " + cancelled.message());
    asked = std::current_exception();
  }
  co_await Sleep(200ms);
  say("the tidy one   has cleaned up for 200 ms");
  if (asked) std::rethrow_exception(asked);
}

// Hears it, and goes on. That is allowed, and it counts how often it is asked.
Coro<std::string> stubborn() {
  const AnyTask self = co_await get_current_task();
  while (self.cancelling() < 2) {
    try {
      co_await Sleep(1h);
    } catch (const CancelledError& cancelled) {
      say(fmt::format("the stubborn   is {}, {} of 2", cancelled.message(), self.cancelling()));
    }
  }
  co_return "all right then";
}

// Cancels itself, by a deadline, and takes that back. So nobody wants it to end, and it goes on.
Coro<std::string> hurried() {
  const AnyTask self = co_await get_current_task();
  EventLoop& loop = co_await get_running_loop();
  try {
    const examples::Deadline deadline(loop, self, 600ms);
    co_await Sleep(1h);
  } catch (const CancelledError& cancelled) {
    say(fmt::format("the hurried    is {}", cancelled.message()));
    if (self.cancelling() > 0) throw;  // somebody else was first
  }
  co_return "something else then";
}

// Asked before its first step, it has never run.
Coro<> unborn() {
  say("this is never said");
  co_return;
}

void report(const std::string& name, const AnyTask& task) {
  say(fmt::format("{:14} is {}", name, to_string(task.state())));
}

Coro<> play() {
  EventLoop& loop = co_await get_running_loop();
  const Task<> first = loop.create_task(tidy());
  const Task<std::string> second = loop.create_task(stubborn());
  const Task<std::string> third = loop.create_task(hurried());
  const Task<> fourth = loop.create_task(unborn());
  first.add_done_callback([](const Task<>& task) { report("the tidy one", task); });

  fourth.cancel("not needed after all");
  co_await Sleep(200ms);
  report("the unborn", fourth);
  first.cancel("dinner is ready");
  second.cancel("dinner is ready");
  say("the hurried    says: " + co_await third);
  second.cancel("it is getting cold");
  say("the stubborn   says: " + co_await second);
}

}  // namespace

int main() { run(play()); }
