// A café that closes: who is asked to go, who hears it, and when.
//
// The clock is virtual, and jumps when the loop would sleep.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using Lines = std::vector<std::string>;
using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;

struct Cafe {
  treadle::testing::VirtualClock clock;
  treadle::EventLoop loop{clock};
  Lines said;

  // One line, such as `20 cake is served`.
  void say(const std::string& words) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock.elapsed());
    said.push_back(std::to_string(seconds.count()) + " " + words);
  }
};

// Says so when it goes, wherever that is.
class Coat {
 public:
  explicit Coat(Cafe& cafe) : cafe_(&cafe) {}
  Coat(Coat&& other) noexcept : cafe_(std::exchange(other.cafe_, nullptr)) {}
  ~Coat() {
    if (cafe_ != nullptr) cafe_->say("a coat falls");
  }

 private:
  Cafe* cafe_;
};

// Pays before he leaves, and that takes a while. (`co_await` is not allowed within a handler.)
inline Coro<> reader(Cafe& cafe) {
  std::optional<CancelledError> request;
  try {
    co_await treadle::sleep_for(1h);
  } catch (const CancelledError& error) {
    request = error;
  }
  cafe.say("reader hears " + request->reason());
  co_await treadle::sleep_for(5s);
  cafe.say("reader pays");
  throw *request;
}

// Waits for the reader, come what may.
inline Coro<> companion(Cafe& cafe, treadle::Task<> reads) {
  treadle::AnyTask self = co_await treadle::get_current_task();
  while (!reads.done()) {
    try {
      co_await reads;
    } catch (const CancelledError& error) {
      cafe.say("friend hears " + error.reason() + ", asked " + std::to_string(self.cancelling()));
      if (self.cancelling() > 0) self.uncancel();
    }
  }
}

// Hears, and stays.
inline Coro<> talker(Cafe& cafe) {
  treadle::AnyTask self = co_await treadle::get_current_task();
  try {
    co_await treadle::sleep_for(1h);
  } catch (const CancelledError& error) {
    cafe.say("talker hears " + error.reason() + ", asked " + std::to_string(self.cancelling()));
  }
  co_await treadle::sleep_for(20s);
  cafe.say("talker has said it all");
}

inline Coro<> eat(Cafe& cafe, std::string dish) {
  try {
    co_await treadle::sleep_for(20s);
    cafe.say(dish + " is served");
    co_await treadle::sleep_for(5s);
    cafe.say(dish + " is eaten");
  } catch (const CancelledError& error) {
    cafe.say(dish + " hears " + error.reason());
    throw;
  }
}

inline Coro<> late(Cafe& cafe, Coat) {
  cafe.say("late comes in");
  co_return;
}

struct Guests {
  treadle::AnyTask reader, companion, talker, soup, cake;
};

inline Coro<> waiter(Cafe& cafe, Guests& guests) {
  co_await treadle::sleep_for(20s);
  guests.companion.cancel("taxi");
  guests.talker.cancel("last round");
  guests.talker.cancel("out now");
  guests.soup.cancel("last round");
  guests.cake.cancel("last round");
  guests.cake.uncancel();
  cafe.loop.create_task(late(cafe, Coat(cafe))).cancel("too late");
  cafe.say("waiter has asked");

  co_await treadle::sleep_for(10s);
  guests.reader.cancel("lights out");
  cafe.say("waiter has asked again");

  co_await treadle::sleep_for(30s);
  for (const treadle::AnyTask& guest :
       {guests.reader, guests.companion, guests.talker, guests.soup, guests.cake})
    cafe.say(std::string(to_string(guest.state())));
}

inline Lines run_program() {
  Cafe cafe;
  Guests guests;
  const treadle::Task<> reads = cafe.loop.create_task(reader(cafe));
  guests.reader = reads;
  guests.companion = cafe.loop.create_task(companion(cafe, reads));
  guests.talker = cafe.loop.create_task(talker(cafe));
  cafe.loop.create_task(waiter(cafe, guests));
  guests.soup = cafe.loop.create_task(eat(cafe, "soup"));
  guests.cake = cafe.loop.create_task(eat(cafe, "cake"));
  cafe.loop.run_forever();
  return cafe.said;
}
