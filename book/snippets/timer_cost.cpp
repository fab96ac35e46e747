// What waiting for time costs in memory blocks: every call of operator new is counted.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <optional>
#include <utility>

#include "treadle/sleep.hpp"

using namespace treadle;
using namespace std::chrono_literals;

int allocations = 0;

void* operator new(std::size_t size) {
  ++allocations;
  if (void* block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

void say(const char* what) { std::printf("%-24s %d\n", what, std::exchange(allocations, 0)); }

Coro<> measured() {
  EventLoop& loop = co_await get_running_loop();
  allocations = 0;

  co_await Sleep(1us);
  say("the first sleep");

  for (int i = 0; i < 1000; ++i) co_await Sleep(1us);
  say("sleep 1000 times");

  std::optional<TimerHandle> timer = loop.call_later(1h, [] {});
  say("call_later");

  timer->cancel();
  timer.reset();
  say("cancel it");
}

int main() {
  EventLoop loop;
  loop.run_until_complete(measured());
}
