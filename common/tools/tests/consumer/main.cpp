#include <cstdio>

#include <treadle/event_loop.hpp>

treadle::Coro<int> answer() {
  co_await treadle::yield_now();
  co_return 42;
}

int main() {
  treadle::EventLoop loop;
  std::printf("%d from treadle\n", loop.run_until_complete(answer()));
}
