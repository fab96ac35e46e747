// A morning in a shop: two tasks, then three, a callback, and coroutines that are called.
//
// `said` outlives the loop, so it is safe to hand it on by reference.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using Lines = std::vector<std::string>;

inline treadle::Coro<int> bake(Lines& said) {
  said.push_back("oven on");
  co_await treadle::yield_now();
  said.push_back("oven off");
  co_return 2;
}

inline treadle::Coro<> baker(Lines& said) {
  said.push_back("baker comes");
  treadle::Coro<int> bread = bake(said);
  said.push_back("dough is made");
  const int loaves = co_await std::move(bread);
  said.push_back("loaves: " + std::to_string(loaves));
}

inline treadle::Coro<> shop(Lines& said) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  said.push_back("shop opens");
  treadle::Task<> work = loop.create_task(baker(said));
  loop.call_soon([&said] { said.push_back("bell rings"); });
  said.push_back("shop waits");
  co_await work;
  said.push_back("shop closes");
}

inline treadle::Coro<> customer(Lines& said) {
  for (int visit = 1; visit <= 4; ++visit) {
    said.push_back("customer " + std::to_string(visit));
    co_await treadle::yield_now();
  }
}

inline Lines run_program() {
  Lines said;
  treadle::EventLoop loop;
  loop.create_task(shop(said));
  loop.create_task(customer(said));
  said.push_back("morning");
  loop.run_forever();
  said.push_back("noon");
  return said;
}
