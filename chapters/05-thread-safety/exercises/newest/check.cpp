// The laws of Newest: the last value, on the right thread, and never a queue.
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

class Display : public LoopFixture {
 public:
  const std::thread::id owner = std::this_thread::get_id();
  bool in_report = false;

  // One value was shown.
  void shown(int value) {
    std::string line = std::to_string(value);
    if (std::this_thread::get_id() != owner) line += " on a wrong thread";
    if (in_report) line += " within report()";
    note(line);
    if (trace.size() > 1000) loop.stop();  // it is broken; an end would never come
  }

  // Another thread reports all of it, while nobody else does anything.
  bool elsewhere(Newest<int>& newest, std::vector<int> values) {
    bool all = true;
    in_report = true;
    std::thread([&] {
      for (int value : values) all = newest.report(value) && all;
    }).join();
    in_report = false;
    return all;
  }
};

}  // namespace

TEST_CASE_METHOD(Display, "Newest: a value is shown by the loop's thread, in a turn") {
  Newest<int> newest(loop, [this](int value) { shown(value); });
  {
    INFO("Another thread reported 1. It is the loop's thread that shows it, when its turn comes.");
    CHECK(elsewhere(newest, {1}));
    CHECK(trace == Trace{});
    run_until_idle();
    CHECK(trace == Trace{"1"});
  }
  {
    INFO("The loop's own thread reported 2, in the middle of a step.");
    loop.call_soon([&] {
      in_report = true;
      newest.report(2);
      in_report = false;
      note("step ends");
    });
    run_until_idle();
    CHECK(trace == Trace{"1", "step ends", "2"});
  }
  {
    INFO("Another thread reported 3 while the loop was in the middle of a step.");
    loop.call_soon([&] { elsewhere(newest, {3}); });
    run_until_idle();
    CHECK(trace == Trace{"1", "step ends", "2", "3"});
  }
}

TEST_CASE_METHOD(Display, "Newest: of many values the last is shown, and one call is enough") {
  Newest<int> newest(loop, [this](int value) { shown(value); });
  elsewhere(newest, {1, 2, 3, 4, 5});
  {
    INFO(
        "Five values were reported before the loop came to show one. So much lies ready in the "
        "loop:");
    CHECK(loop.ready().size() <= 1);
  }
  run_until_idle();
  {
    INFO(
        "1 to 5 were reported before the loop came to show one. Who looks wants to see the "
        "newest.");
    CHECK(trace == Trace{"5"});
  }
  elsewhere(newest, {6});
  elsewhere(newest, {7});
  run_until_idle();
  INFO("Later, 6 and 7 were reported.");
  CHECK(trace == Trace{"5", "7"});
}

TEST_CASE_METHOD(Display, "Newest: what is reported while one is shown comes too") {
  {
    Newest<int>* self = nullptr;
    Newest<int> newest(loop, [&](int value) {
      shown(value);
      if (value == 1) elsewhere(*self, {2, 3});
    });
    self = &newest;
    elsewhere(newest, {1});
    run_until_idle();
    INFO(
        "Another thread reported 2 and 3 while 1 was shown. The last value must be shown in the "
        "end.");
    CHECK(trace == Trace{"1", "3"});
    elsewhere(newest, {4});
    run_until_idle();
    CHECK(trace == Trace{"1", "3", "4"});
  }
  {
    trace.clear();
    Newest<int>* self = nullptr;
    Newest<int> newest(loop, [&](int value) {
      if (value < 3) self->report(value + 1);
      shown(value);
    });
    self = &newest;
    newest.report(1);
    run_until_idle();
    INFO("show() itself reported the next value. Each is shown in a turn of its own.");
    CHECK(trace == Trace{"1", "2", "3"});
  }
}

TEST_CASE_METHOD(Display, "Newest: a show that fails is not the last") {
  Newest<int> newest(loop, [this](int value) {
    shown(value);
    if (value == 1) throw std::runtime_error("no paper");
  });
  elsewhere(newest, {1});
  run_until_idle();
  {
    INFO("show() threw. That is the exception handler's affair.");
    CHECK(errors == Trace{"a callback failed: no paper"});
  }
  elsewhere(newest, {2});
  run_until_idle();
  INFO("show() threw when it was given 1, and then 2 was reported.");
  CHECK(trace == Trace{"1", "2"});
}

TEST_CASE_METHOD(Display, "Newest: destroyed, it shows no more") {
  {
    Newest<int> newest(loop, [this](int value) { shown(value); });
    elsewhere(newest, {1});
  }
  run_until_idle();
  {
    INFO("A value was reported, and the object destroyed before the loop came to show it.");
    CHECK(trace == Trace{});
  }
  {
    std::unique_ptr<Newest<int>> newest;
    newest = std::make_unique<Newest<int>>(loop, [&](int value) {
      if (!newest) return shown(value);
      elsewhere(*newest, {2});
      newest.reset();
      shown(value);
    });
    newest->report(1);
    run_until_idle();
    INFO("show() destroyed the object when it was given 1, and there was a 2 by then.");
    CHECK(trace == Trace{"1"});
  }
}

TEST_CASE_METHOD(Display, "Newest: a closed loop refuses") {
  treadle::EventLoop other(clock);
  Newest<int> newest(other, [this](int value) { shown(value); });
  CHECK(newest.report(1));
  other.run_until_idle();
  CHECK(trace == Trace{"1"});
  other.close();
  INFO("The loop is closed: nothing is shown any more, and whoever reports hears it, each time.");
  CHECK_FALSE(newest.report(2));
  CHECK_FALSE(elsewhere(newest, {3}));
  CHECK(trace == Trace{"1"});
}

TEST_CASE_METHOD(Display, "Newest: many threads at once") {
  constexpr int kThreads = 3, kTimes = 2000;
  std::vector<int> last(kThreads, -1);
  std::atomic<bool> in_order = true, on_this_thread = true;
  std::atomic<int> working = kThreads;
  Newest<int> newest(loop, [&](int value) {
    int& before = last[static_cast<std::size_t>(value / kTimes)];
    if (value <= before) in_order = false;
    if (std::this_thread::get_id() != owner) on_this_thread = false;
    before = value;
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&newest, &working, t] {
      for (int i = 0; i < kTimes; ++i) newest.report(t * kTimes + i);
      --working;
    });
  }
  while (working > 0) run_until_idle();
  for (std::thread& thread : threads) thread.join();
  run_until_idle();
  {
    INFO("Whichever thread reports, it is the loop's own that shows.");
    REQUIRE(on_this_thread);
  }
  {
    INFO(
        "Three threads reported 2000 values each. What is shown of one thread comes in its order.");
    CHECK(in_order);
  }
  INFO("After all of them had reported their last, one of these three must have been shown last.");
  CHECK(std::any_of(last.begin(), last.end(),
                    [&](int value) { return value % kTimes == kTimes - 1; }));
}
