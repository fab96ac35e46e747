#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "testing/catch.hpp"
#include "testing/child_process.hpp"
#include "testing/time_limit.hpp"
#include "treadle/timer_heap.hpp"

namespace test_timer_heap {

using namespace std::chrono_literals;
using treadle::Clock;
using treadle::Timer;
using treadle::TimerHeap;
using treadle::testing::comes_true;
using treadle::testing::said_in_dying;

using Fired = std::vector<int>;

class Alarm final : public Timer {
 public:
  Alarm(int name, Fired& fired) : name_(name), fired_(fired) {}
  int name() const { return name_; }
  void fire() noexcept override { fired_.push_back(name_); }
  void drop() noexcept override {}

 private:
  int name_;
  Fired& fired_;
};

Clock::time_point at(int seconds) { return Clock::time_point(std::chrono::seconds(seconds)); }

struct Heap {
  Fired fired;
  TimerHeap heap;
  std::vector<std::unique_ptr<Alarm>> alarms;

  Alarm& arm(int deadline) {
    alarms.push_back(std::make_unique<Alarm>(static_cast<int>(alarms.size()), fired));
    heap.arm(*alarms.back(), at(deadline));
    return *alarms.back();
  }
};

TEST_CASE_METHOD(Heap, "TimerHeap: timers fire by deadline, whatever the order of arming",
                 "[timer_heap]") {
  for (int deadline : {5, 1, 4, 2, 3}) arm(deadline);
  heap.fire_due(at(10));
  CHECK(fired == Fired{1, 3, 4, 2, 0});
  CHECK(heap.empty());
}

TEST_CASE_METHOD(Heap, "TimerHeap: equal deadlines fire in the order of arming",
                 "[timer_heap][fair]") {
  for (int i = 0; i < 50; ++i) arm(7);
  heap.fire_due(at(7));
  Fired in_order;
  for (int i = 0; i < 50; ++i) in_order.push_back(i);
  CHECK(fired == in_order);
}

TEST_CASE_METHOD(Heap, "TimerHeap: equal deadlines keep their order when others are disarmed",
                 "[timer_heap][fair]") {
  for (int i = 0; i < 50; ++i) arm(7);
  for (std::size_t i = 0; i < 50; i += 3) alarms[i]->disarm();
  heap.fire_due(at(7));
  Fired in_order;
  for (int i = 0; i < 50; ++i) {
    if (i % 3 != 0) in_order.push_back(i);
  }
  CHECK(fired == in_order);
}

TEST_CASE_METHOD(Heap, "TimerHeap: only what is due fires, and what is due at this moment is",
                 "[timer_heap]") {
  for (int deadline : {1, 2, 3}) arm(deadline);
  heap.fire_due(at(0));
  CHECK(fired.empty());
  heap.fire_due(at(2));
  CHECK(fired == Fired{0, 1});
  CHECK(heap.size() == 1);
  CHECK(heap.next_deadline() == at(3));
  heap.fire_due(at(3) - 1ns);
  CHECK(fired == Fired{0, 1});
}

TEST_CASE_METHOD(Heap, "TimerHeap: it knows the next deadline", "[timer_heap]") {
  arm(5);
  CHECK(heap.next_deadline() == at(5));
  Alarm& first = arm(3);
  CHECK(heap.next_deadline() == at(3));
  arm(9);
  CHECK(heap.next_deadline() == at(3));
  first.disarm();
  CHECK(heap.next_deadline() == at(5));
}

TEST_CASE_METHOD(Heap, "TimerHeap: a disarmed timer leaves at once and does not fire",
                 "[timer_heap]") {
  arm(1);
  Alarm& second = arm(2);
  arm(3);
  second.disarm();
  CHECK(heap.size() == 2);
  CHECK_FALSE(second.armed());
  second.disarm();
  heap.fire_due(at(10));
  CHECK(fired == Fired{0, 2});
  second.disarm();
}

TEST_CASE_METHOD(Heap, "TimerHeap: a timer that has fired can be armed again", "[timer_heap]") {
  Alarm& alarm = arm(1);
  heap.fire_due(at(1));
  CHECK_FALSE(alarm.armed());
  heap.arm(alarm, at(2));
  CHECK(alarm.armed());
  heap.fire_due(at(2));
  CHECK(fired == Fired{0, 0});
}

TEST_CASE_METHOD(Heap, "TimerHeap: armed again, a timer comes after those of the same deadline",
                 "[timer_heap][fair]") {
  Alarm& first = arm(5);
  arm(5);
  first.disarm();
  heap.arm(first, at(5));
  heap.fire_due(at(5));
  CHECK(fired == Fired{1, 0});
}

TEST_CASE_METHOD(Heap, "TimerHeap: a destroyed timer has left", "[timer_heap][lifetime]") {
  arm(1);
  arm(2);
  arm(3);
  alarms[1].reset();
  CHECK(heap.size() == 2);
  heap.fire_due(at(10));
  CHECK(fired == Fired{0, 2});
}

TEST_CASE_METHOD(Heap, "TimerHeap: pop takes out the first without firing it", "[timer_heap]") {
  arm(2);
  Alarm& first = arm(1);
  CHECK(&heap.pop() == &first);
  CHECK_FALSE(first.armed());
  CHECK(fired.empty());
  CHECK(heap.size() == 1);
}

TEST_CASE("TimerHeap: a timer armed twice is a broken precondition", "[timer_heap][check]") {
  CHECK_THAT(said_in_dying([] {
               Heap test;
               test.heap.arm(test.arm(1), at(2));
             }),
             ContainsSubstring("a timer is armed for one deadline at a time"));
}

// The obvious implementation, which is too slow to be used and too simple to be wrong.
class Model {
 public:
  void arm(int name, int deadline) { timers_.emplace(std::pair(deadline, ++sequence_), name); }
  void disarm(int name) {
    std::erase_if(timers_, [&](const auto& timer) { return timer.second == name; });
  }
  bool armed(int name) const {
    return std::any_of(timers_.begin(), timers_.end(),
                       [&](const auto& timer) { return timer.second == name; });
  }
  Fired fire_due(int now) {
    Fired fired;
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
      fired.push_back(timers_.begin()->second);
      timers_.erase(timers_.begin());
    }
    return fired;
  }
  std::size_t size() const { return timers_.size(); }

 private:
  std::multimap<std::pair<int, int>, int> timers_;
  int sequence_ = 0;
};

TEST_CASE("TimerHeap: it does what a sorted list would, through random changes",
          "[timer_heap][random]") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const int range = seed % 2 == 0 ? 5 : 1000;  // many equal deadlines, and few
    Heap test;
    Model model;
    for (int i = 0; i < 60; ++i) test.alarms.push_back(std::make_unique<Alarm>(i, test.fired));
    int now = 0;
    for (int step = 0; step < 600; ++step) {
      Alarm& alarm = *test.alarms[random() % test.alarms.size()];
      if (random() % 20 == 0) {
        now += static_cast<int>(random() % static_cast<unsigned>(range / 4 + 1));
        test.fired.clear();
        test.heap.fire_due(at(now));
        if (test.fired != model.fire_due(now))
          FAIL("seed " << seed << ", step " << step << ": other order");
      } else if (alarm.armed()) {
        alarm.disarm();
        model.disarm(alarm.name());
      } else {
        const int deadline = now + static_cast<int>(random() % static_cast<unsigned>(range));
        test.heap.arm(alarm, at(deadline));
        model.arm(alarm.name(), deadline);
      }
      if (test.heap.size() != model.size() || alarm.armed() != model.armed(alarm.name()))
        FAIL("seed " << seed << ", step " << step);
    }
    test.fired.clear();
    test.heap.fire_due(at(1'000'000));
    if (test.fired != model.fire_due(1'000'000))
      FAIL("seed " << seed << ", at the end: other order");
  }
  SUCCEED();
}

/// A heap of so many timers, and what it costs one to leave it.
class Crowd {
 public:
  explicit Crowd(int size) {
    for (int i = 0; i < size; ++i) heap_.arm(any());
  }

  /// Processor time of a thousand timers that leave, from anywhere in the heap, and come back.
  std::clock_t measure() {
    const std::clock_t begin = std::clock();
    for (int i = 0; i < 1000; ++i) {
      Alarm& alarm = *heap_.alarms[random_() % heap_.alarms.size()];
      alarm.disarm();
      heap_.heap.arm(alarm, at(any()));
    }
    return std::clock() - begin;
  }

 private:
  int any() { return static_cast<int>(random_() % 1'000'000); }

  std::mt19937 random_{1};
  Heap heap_;
};

// In 200 times as many, a search takes 200 times as long, and the way through a heap not even twice; more than that is due
// to the processor's caches. What else runs on the machine can only make a measurement larger. So the least of
// all counts, and it is measured until it has come out.
TEST_CASE("TimerHeap: to leave a heap of 200,000 costs hardly more than to leave one of 1,000",
          "[timer_heap][real-time][cost]") {
  Crowd small(1'000), large(200'000);
  std::clock_t in_small = small.measure(), in_large = large.measure();
  CHECK(comes_true([&] {
    in_small = std::min(in_small, small.measure());
    in_large = std::min(in_large, large.measure());
    return in_large < 40 * in_small;
  }));
}

}  // namespace test_timer_heap
