// A loop and its visitors: which thread says what, and when.
//
// Where a visitor comes, the loop's thread waits in the middle of a step until he has gone. No
// program should do that, but so there is only one order.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/run_coroutine_threadsafe.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"

using Lines = std::vector<std::string>;
using namespace std::chrono_literals;
using treadle::Coro;

struct House {
  treadle::testing::VirtualClock clock;
  treadle::EventLoop loop{clock};
  const std::thread::id owner = std::this_thread::get_id();
  Lines said;

  // The words, and `here` on the loop's own thread, `there` on any other.
  void say(const std::string& words) {
    const bool here = std::this_thread::get_id() == owner;
    said.push_back(words + (here ? " (here)" : " (there)"));
  }

  // A callback that says something.
  auto saying(std::string words) {
    return [this, words = std::move(words)] { say(words); };
  }

  template <class F>
  void visit(F visitor) {
    std::thread(std::move(visitor)).join();
  }
};

inline Coro<> sleeper(House& house) {
  try {
    co_await treadle::sleep_for(1h);
  } catch (const treadle::CancelledError& error) {
    house.say("sleeper hears");
  }
}

inline Coro<int> child(House& house, std::string name) {
  house.say(name);
  co_return 7;
}

inline Coro<> host(House& house, treadle::Task<> sleeps) {
  treadle::EventLoop& loop = house.loop;
  co_await treadle::yield_now();  // so that the sleeper sleeps
  loop.call_soon(house.saying("own 1"));
  house.visit([&] {
    house.say("visitor");
    loop.call_later(0s, house.saying("timer"));
    sleeps.cancel();
    loop.call_soon_threadsafe(house.saying("posted 1"));
    treadle::Handle second = loop.call_soon(house.saying("posted 2"));
    loop.create_task(child(house, "visitor's child"));
    house.say(second.cancel() ? "posted 2 taken back" : "posted 2 too late");
  });
  treadle::Handle last = loop.call_soon(house.saying("own 2"));
  house.say("host");
  co_await treadle::yield_now();
  house.say("host again");
  house.visit([&] { house.say(last.cancel() ? "own 2 taken back" : "own 2 too late"); });
  co_await treadle::sleep_for(10s);

  const int sum = co_await treadle::run_in_thread([&] {
    house.say("job");
    const int seven = treadle::run_coroutine_threadsafe(loop, child(house, "job's child")).result();
    house.say("job has it");
    return seven + 1;
  });
  house.say("host has " + std::to_string(sum));
}

inline Lines run_program() {
  House house;
  const treadle::Task<> sleeps = house.loop.create_task(sleeper(house));
  house.loop.run_until_complete(host(house, sleeps));
  return house.said;
}
