// post_cost: what it costs to call a loop, by whom and how. Wall time for each call, from the first
// until the last has run; the best of several passes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "treadle/event_loop.hpp"

using namespace treadle;
using std::chrono::steady_clock;

constexpr int kCalls = 300'000;
constexpr int kPasses = 9;

template <class Post>
double pass(bool from_another_thread, Post post) {
  EventLoop loop;
  int ran = 0;
  steady_clock::time_point begin;
  const auto call = [&loop, &ran] {
    if (++ran == kCalls) loop.stop();
  };
  const auto all = [&] {
    begin = steady_clock::now();
    for (int i = 0; i < kCalls; ++i) post(loop, call);
  };
  if (from_another_thread) {
    std::thread other(all);
    loop.run_forever();
    other.join();
  } else {
    loop.call_soon(all);
    loop.run_forever();
  }
  return std::chrono::duration<double, std::nano>(steady_clock::now() - begin).count() / kCalls;
}

template <class Post>
void row(const char* what, bool from_another_thread, Post post) {
  double best = 1e9;
  for (int i = 0; i < kPasses; ++i) best = std::min(best, pass(from_another_thread, post));
  std::printf("%-44s %6.0f ns\n", what, best);
}

int main() {
  const auto soon = [](EventLoop& loop, auto call) { loop.call_soon(call); };
  const auto threadsafe = [](EventLoop& loop, auto call) { loop.call_soon_threadsafe(call); };
  row("call_soon, the loop's own thread", false, soon);
  row("call_soon, another thread", true, soon);
  row("call_soon_threadsafe, another thread", true, threadsafe);
}
