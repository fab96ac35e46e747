// What things cost in memory blocks: every call of operator new is counted.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>

#include "treadle/event_loop.hpp"

using namespace treadle;

int allocations = 0;

void* operator new(std::size_t size) {
  ++allocations;
  if (void* block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

void say(const char* what) { std::printf("%-24s %d\n", what, std::exchange(allocations, 0)); }

Coro<int> one() { co_return 1; }

Coro<> measured() {
  EventLoop& loop = co_await get_running_loop();
  allocations = 0;

  Task<int> task = loop.create_task(one());
  say("create a task");

  co_await task;
  say("wait for it");

  for (int i = 0; i < 1000; ++i) co_await yield_now();
  say("yield 1000 times");

  co_await one();
  say("await a Coro");

  loop.call_soon([] {});
  say("call_soon");
  co_await yield_now();
}

int main() {
  EventLoop loop;
  loop.run_until_complete(measured());
}
