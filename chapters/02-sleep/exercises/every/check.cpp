// The laws of Every: in rhythm for as long as it lives, and gone when it is stopped.
#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "treadle/event_loop.hpp"

using namespace std::chrono_literals;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

using Times = std::vector<long>;  // in milliseconds

class Ticking : public LoopFixture {
 public:
  Times times;  // when it ticked

  long now() const { return static_cast<long>(clock.elapsed() / 1ms); }

  void tick() {
    times.push_back(now());
    if (times.size() > 1000) loop.stop();  // it is broken; an end would never come
  }

  // Lets time pass, a millisecond at a time.
  void pass_until(long end) {
    while (now() < end) advance(1ms);
  }
};

}  // namespace

TEST_CASE_METHOD(Ticking, "Every: ticks at each multiple of the period") {
  Every every(loop, 10ms, [&] { tick(); });
  CHECK(times == Times{});
  pass_until(65);
  INFO(
      "The first tick comes one period after the beginning, and each of the others one period "
      "after that.");
  CHECK(times == Times{10, 20, 30, 40, 50, 60});
}

TEST_CASE_METHOD(Ticking, "Every: a slow tick does not shift those after it") {
  Every every(loop, 10ms, [&] {
    tick();
    clock.advance(3ms);
  });
  pass_until(55);
  INFO(
      "Each tick takes 3ms. A period is counted from deadline to deadline, and not from the moment "
      "in which somebody got round to it.");
  CHECK(times == Times{10, 20, 30, 40, 50});
}

TEST_CASE_METHOD(Ticking, "Every: missed ticks are left out, and the rhythm stays") {
  Every every(loop, 10ms, [&] {
    tick();
    if (now() == 10) clock.advance(35ms);
  });
  pass_until(65);
  UNSCOPED_INFO(
      "The first tick held the thread from 10 to 45. What was missed meanwhile comes as one tick, "
      "as soon as the thread is free, and the next one is due at a multiple of the period again.");
  CHECK(times == Times{10, 45, 50, 60});

  times.clear();
  advance(1s);
  pass_until(now() + 20);
  UNSCOPED_INFO("Somebody else held the thread from 65 to 1065.");
  CHECK(times == Times{1065, 1070, 1080});
}

TEST_CASE_METHOD(Ticking, "Every: stop() takes the next tick back") {
  Every every(loop, 10ms, [&] { tick(); });
  pass_until(25);
  const Times ticked = times;
  every.stop();
  every.stop();  // it has stopped, and that is all
  loop.run_forever();
  UNSCOPED_INFO(
      "After stop() nothing is armed any more, so the loop has nothing to wait for and ends at "
      "once.");
  CHECK(now() == 25);
  pass_until(60);
  UNSCOPED_INFO("After stop() no tick comes.");
  CHECK(times == ticked);
}

TEST_CASE_METHOD(Ticking, "Every: a tick may stop it") {
  Every* self = nullptr;
  Every every(loop, 10ms, [&] {
    tick();
    if (times.size() == 2) self->stop();
  });
  self = &every;
  loop.run_forever();
  INFO(
      "The second tick stopped it: no third one comes, and no timer is left for which the loop "
      "would wait.");
  CHECK(times == Times{10, 20});
  CHECK(now() == 20);
}

TEST_CASE_METHOD(Ticking, "Every: destroyed, it ticks no more") {
  {
    Every every(loop, 10ms, [&] { tick(); });
    pass_until(5);
  }
  loop.run_forever();
  INFO("The object is gone: no timer may be left that points to it.");
  CHECK(times == Times{});
  CHECK(now() == 5);
}

TEST_CASE_METHOD(Ticking, "Every: after a tick that failed, the next one comes") {
  Every every(loop, 10ms, [&] {
    tick();
    throw std::runtime_error("no ink");
  });
  pass_until(35);
  INFO(
      "One tick that fails is no reason to miss the next. Its error belongs to the exception "
      "handler.");
  CHECK(times == Times{10, 20, 30});
  CHECK(errors == Trace{"a callback failed: no ink", "a callback failed: no ink",
                        "a callback failed: no ink"});
}
