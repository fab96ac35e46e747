// two_threads: a second thread has something for the loop to do, and calls call_soon(), which is
// for the loop's own thread.
//
// First it has one thing to say, and the loop sleeps: nobody wakes it. Then it has many, and the
// loop is busy: two threads pull at the links of one queue. How that ends nobody can know, so each
// round is a process of its own.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "treadle/event_loop.hpp"
#include "treadle/signals.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using namespace treadle;
using std::chrono::steady_clock;

namespace {

constexpr int kRounds = 5;
constexpr auto kRound = 200ms;
constexpr unsigned kMostSeconds = 1;  // after that, a round hangs
constexpr long kMostAhead = 1000;     // of calls that the loop has not run yet

// ---- While the loop sleeps

void call_once_while_the_loop_sleeps() {
  EventLoop loop;
  std::thread other([&loop] {
    std::this_thread::sleep_for(100ms);
    loop.call_soon([called = steady_clock::now()] {
      fmt::print("ran {} ms after it was called\n", (steady_clock::now() - called) / 1ms);
    });
  });
  loop.run_until_complete([]() -> Coro<> { co_await Sleep(500ms); }());
  other.join();
}

// ---- While the loop runs

// The loop's own thread calls as well, for as long as the other does.
Coro<> keep_calling(const std::atomic<bool>& over) {
  EventLoop& loop = co_await get_running_loop();
  while (!over) {
    loop.call_soon([] {});
    co_await yield_now();
  }
  for (int turns = 0; turns < 10; ++turns) co_await yield_now();  // those that came last run too
}

void call_often_while_the_loop_runs() {
  EventLoop loop;
  std::atomic<bool> over = false;
  std::atomic<long> ran = 0;
  long called = 0;
  std::thread other([&] {
    const auto end = steady_clock::now() + kRound;
    while (steady_clock::now() < end) {
      if (called - ran >= kMostAhead) continue;
      loop.call_soon([&ran] { ++ran; });
      ++called;
    }
    over = true;
  });
  loop.run_until_complete(keep_calling(over));
  other.join();
  fmt::print("{} of {} are lost\n", called - ran, called);
}

// ---- Rounds

std::string describe(int status) {
  if (!WIFSIGNALED(status)) return "";
  const int signal = WTERMSIG(status);
  return signal == SIGALRM ? fmt::format("hangs, and was stopped after {} s\n", kMostSeconds)
                           : fmt::format("ended by {}\n", signal_name(signal));
}

void in_a_process_of_its_own(void (*round)()) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    ::alarm(kMostSeconds);
    round();
    std::fflush(stdout);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  fmt::print("{}", describe(status));
}

}  // namespace

int main() {
  fmt::print("one call while the loop sleeps: ");
  in_a_process_of_its_own(call_once_while_the_loop_sleeps);
  for (int i = 1; i <= kRounds; ++i) {
    fmt::print("round {}, calls while it runs: ", i);
    in_a_process_of_its_own(call_often_while_the_loop_runs);
  }
}
