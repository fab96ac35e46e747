// A kitchen on a virtual clock: who says what, and at which second.
//
// The clock stands still while anything runs, and jumps when the loop would sleep. Only
// clock.advance() moves it in between: that is how a long computation looks to the loop.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using Lines = std::vector<std::string>;
using namespace std::chrono_literals;

struct Kitchen {
  treadle::testing::VirtualClock clock;
  treadle::EventLoop loop{clock};
  Lines said;

  // One line, such as `20 eggs`.
  void say(const std::string& words) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock.elapsed());
    said.push_back(std::to_string(seconds.count()) + " " + words);
  }
};

inline treadle::Coro<> stir(Kitchen& kitchen) {
  for (int i = 0; i < 3; ++i) {
    co_await treadle::sleep_for(20s);
    kitchen.say("stir");
  }
}

inline treadle::Coro<> turn(Kitchen& kitchen) {
  for (int i = 0; i < 2; ++i) {
    co_await treadle::sleep_for(30s);
    kitchen.say("turn");
  }
}

// Whoever carves looks at nothing else for 25 seconds.
inline treadle::Coro<> carve(Kitchen& kitchen) {
  co_await treadle::sleep_for(70s);
  kitchen.say("carve");
  kitchen.clock.advance(25s);
  kitchen.say("carved");
  co_await treadle::sleep_for(5s);
  kitchen.say("serve");
}

inline treadle::Coro<> cook(Kitchen& kitchen) {
  treadle::EventLoop& loop = kitchen.loop;
  const treadle::Clock::time_point start = loop.time();
  loop.call_later(0s, [&] { kitchen.say("light"); });
  loop.call_soon([&] { kitchen.say("wash"); });
  treadle::TimerHandle smoke = loop.call_at(start + 20s, [&] { kitchen.say("smoke"); });
  treadle::TimerHandle alarm = loop.call_at(start + 25s, [&] { kitchen.say("alarm"); });
  loop.call_at(start + 90s, [&] { kitchen.say("bread"); });
  loop.call_at(start + 80s, [&] { kitchen.say("sauce"); });
  co_await treadle::sleep_until(start + 20s);
  kitchen.say("taste");
  smoke.cancel();
  alarm.cancel();
}

inline Lines run_program() {
  Kitchen kitchen;
  kitchen.loop.create_task(stir(kitchen));
  kitchen.loop.create_task(turn(kitchen));
  kitchen.loop.create_task(carve(kitchen));
  kitchen.loop.create_task(cook(kitchen));
  kitchen.loop.run_forever();
  return kitchen.said;
}
