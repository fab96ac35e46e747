// locked_loop: one recursive lock around everything, beside an inbox. Both lose nothing; what differs
// is who waits for whom.
//
//   locked_loop
//   locked_loop --calls 1000000      # takes longer, and tells more
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "support/command_line.hpp"
#include "support/locked_loop.hpp"
#include "treadle/event_loop.hpp"

using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kThreads = 4;

using Nanoseconds = std::chrono::duration<double, std::nano>;
using Microseconds = std::chrono::duration<double, std::micro>;

double per_call(steady_clock::duration span, std::size_t calls) {
  return Nanoseconds(span).count() / static_cast<double>(calls);
}

// The quickest way in that each has.
template <class Loop, class F>
void call_from_elsewhere(Loop& loop, F callback) {
  if constexpr (requires { loop.call_soon_threadsafe(callback); })
    loop.call_soon_threadsafe(callback);
  else
    loop.call_soon(callback);
}

// ---- What both promise

// Every thread numbers its calls; each must run once, and a thread's own in their order.
template <class Loop>
bool loses_nothing(std::size_t calls) {
  Loop loop;
  std::vector<std::size_t> next(kThreads, 0);
  std::size_t ran = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (std::size_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t number = 0; number < calls; ++number) {
        call_from_elsewhere(loop, [&, thread, number] {
          in_order = in_order && next[thread]++ == number;
          if (++ran == kThreads * calls) loop.stop();
        });
      }
    });
  }
  loop.run_forever();
  for (std::thread& thread : threads) thread.join();
  return in_order && ran == kThreads * calls;
}

// ---- What each costs

// The loop's own callbacks, each of which calls for the next one.
template <class Loop>
double own_calls(std::size_t calls) {
  Loop loop;
  std::size_t left = calls;
  std::function<void()> next = [&] {
    if (--left == 0) return loop.stop();
    loop.call_soon([&next] { next(); });
  };
  loop.call_soon([&next] { next(); });
  const auto begin = steady_clock::now();
  loop.run_forever();
  return per_call(steady_clock::now() - begin, calls);
}

// Another thread's calls, from the first of them until the last has run.
template <class Loop>
double others_calls(std::size_t calls) {
  Loop loop;
  std::size_t ran = 0;
  steady_clock::time_point begin;
  std::thread other([&] {
    begin = steady_clock::now();
    for (std::size_t i = 0; i < calls; ++i) {
      call_from_elsewhere(loop, [&] {
        if (++ran == calls) loop.stop();
      });
    }
  });
  loop.run_forever();
  const auto end = steady_clock::now();
  other.join();
  return per_call(end - begin, calls);
}

// How long another thread is held up that calls while the loop works for `work`.
template <class Loop>
double held_up(steady_clock::duration work) {
  Loop loop;
  std::atomic<bool> at_work = false;
  steady_clock::duration longest{};
  std::thread other([&] {
    while (!at_work) std::this_thread::yield();
    const auto begin = steady_clock::now();
    call_from_elsewhere(loop, [] {});
    longest = steady_clock::now() - begin;
    loop.stop();
  });
  loop.call_soon([&] {
    at_work = true;
    const auto end = steady_clock::now() + work;
    while (steady_clock::now() < end) {
    }
  });
  loop.run_forever();
  other.join();
  return Microseconds(longest).count();
}

struct Figures {
  double own = 0;
  double others = 0;
  double held_up = 0;
};

// The best of a few, as whatever else the machine does only adds to it.
template <class Loop>
Figures measure(std::size_t calls) {
  Figures best{1e9, 1e9, 1e9};
  for (int i = 0; i < 5; ++i) {
    best.own = std::min(best.own, own_calls<Loop>(calls));
    best.others = std::min(best.others, others_calls<Loop>(calls));
    best.held_up = std::min(best.held_up, held_up<Loop>(100ms));
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t calls = 100'000;
  examples::CommandLine line("Measures a loop with one lock beside one with an inbox.");
  line.option("--calls", calls, "how many calls to measure");
  line.parse(argc, argv);
  if (calls == 0) examples::exit_with(2, "--calls: none is not enough to measure.");

  if (!loses_nothing<examples::LockedLoop>(calls) || !loses_nothing<treadle::EventLoop>(calls))
    examples::exit_with(1, "a call was lost, or came out of order.");
  fmt::print("{} threads, {} calls each: all have run, each thread's in order\n\n", kThreads,
             calls);

  const Figures locked = measure<examples::LockedLoop>(calls);
  const Figures inbox = measure<treadle::EventLoop>(calls);
  fmt::print("{:54}{:>10}{:>10}\n", "", "one lock", "inbox");
  const auto row = [](const char* what, const char* unit, double left, double right) {
    fmt::print("{:54}{:>7.{}f} {}{:>7.{}f} {}\n", what, left, left < 10 ? 2 : 0, unit, right,
               right < 10 ? 2 : 0, unit);
  };
  row("a callback calls for the next one", "ns", locked.own, inbox.own);
  row("another thread calls, and it runs", "ns", locked.others, inbox.others);
  row("another thread calls while a callback takes 100 ms", "us", locked.held_up, inbox.held_up);
}
