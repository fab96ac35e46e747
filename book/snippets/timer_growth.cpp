// How the price of a timer grows with the number of those that are armed: the heap, and a std::multimap for comparison.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "treadle/timer_heap.hpp"

using namespace treadle;

struct Alarm final : Timer {
  void fire() noexcept override {}
  void drop() noexcept override {}
};

using Moment = Clock::time_point;

constexpr std::size_t kOperations = 200'000;
constexpr int kRepetitions = 5;

Moment next_moment() {
  static std::mt19937_64 random(1);
  return Moment(std::chrono::nanoseconds(random() % 3'600'000'000'000));
}

double nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct Heap {
  TimerHeap heap;
  std::vector<std::unique_ptr<Alarm>> alarms;
  Alarm extra;

  void arm(Moment when) {
    alarms.push_back(std::make_unique<Alarm>());
    heap.arm(*alarms.back(), when);
  }
  void arm_and_cancel(Moment when) {
    heap.arm(extra, when);
    extra.disarm();
  }
  void fire_one_arm_one(Moment after) {
    Timer& first = heap.pop();
    heap.arm(first, after);
  }
  Moment first() { return heap.next_deadline(); }
};

struct Map {
  std::multimap<Moment, int> map;

  void arm(Moment when) { map.emplace(when, 0); }
  void arm_and_cancel(Moment when) { map.erase(map.emplace(when, 0)); }
  void fire_one_arm_one(Moment after) {
    map.erase(map.begin());
    map.emplace(after, 0);
  }
  Moment first() { return map.begin()->first; }
};

template <class Timers>
void measure(const char* name, std::size_t armed, const std::vector<Moment>& moments) {
  Timers timers;
  for (std::size_t i = 0; i < armed; ++i) timers.arm(next_moment());
  double cancel = 1e18, fire = 1e18;
  for (int i = 0; i < kRepetitions; ++i) {
    double begin = nanoseconds();
    for (const Moment when : moments)
      timers.arm_and_cancel(timers.first() + when.time_since_epoch());
    cancel = std::min(cancel, nanoseconds() - begin);
    begin = nanoseconds();
    for (const Moment when : moments)
      timers.fire_one_arm_one(timers.first() + when.time_since_epoch());
    fire = std::min(fire, nanoseconds() - begin);
  }
  const auto each = [](double sum) { return sum / static_cast<double>(kOperations); };
  std::printf("%-9s %8zu armed: arm and cancel %6.1f ns, fire and arm again %6.1f ns\n", name,
              armed, each(cancel), each(fire));
}

int main() {
  std::vector<Moment> moments(kOperations);
  std::generate(moments.begin(), moments.end(), next_moment);
  for (const std::size_t armed : {10u, 1'000u, 10'000u, 100'000u, 1'000'000u}) {
    measure<Heap>("heap", armed, moments);
    measure<Map>("multimap", armed, moments);
  }
}
