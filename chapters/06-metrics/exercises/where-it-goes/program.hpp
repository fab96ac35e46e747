// An office and its bill: where did the time go?
//
// The clock stands still but for work(), which is a long computation, and for the moments in which the
// loop would sleep: then it jumps.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "testing/virtual_clock.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using Lines = std::vector<std::string>;
using namespace std::chrono_literals;
using treadle::Coro;
using treadle::WaitReason;

struct Office {
  treadle::testing::VirtualClock clock;
  treadle::EventLoop loop{treadle::LoopOptions{.timing = true}, clock};

  // Holds the thread.
  void work(treadle::Clock::duration time) { clock.advance(time); }
};

inline Coro<> clerk(Office& office) {
  office.work(3s);
  co_await treadle::sleep_for(10s);
  office.work(2s);
}

inline Coro<> typist(Office& office) {
  office.work(4s);
  co_await treadle::yield_now();
  office.work(1s);
  co_await treadle::yield_now();
}

inline Coro<> chief(Office& office, treadle::Task<> clerk, treadle::Task<> typist) {
  co_await typist;
  office.work(8s);
  co_await clerk;
  co_await treadle::sleep_for(4s);
}

inline std::string seconds(treadle::Clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

inline void report(Lines& lines, const treadle::AnyTask& task) {
  const treadle::TaskMetrics cost = task.metrics();
  lines.push_back(cost.name + " ran " + seconds(cost.execution));
  lines.push_back(cost.name + " was ready for " + seconds(cost.waits[WaitReason::kReady]));
  lines.push_back(cost.name + " slept " + seconds(cost.waits[WaitReason::kSleep]));
  lines.push_back(cost.name + " waited for others " + seconds(cost.waits[WaitReason::kJoin]));
}

inline Lines run_program() {
  Office office;
  const treadle::Task<> clerks = office.loop.create_task(clerk(office), "clerk");
  const treadle::Task<> types = office.loop.create_task(typist(office), "typist");
  const treadle::Task<> directs = office.loop.create_task(chief(office, clerks, types), "chief");
  office.loop.run_forever();

  Lines lines;
  report(lines, clerks);
  report(lines, types);
  report(lines, directs);
  const treadle::LoopMetrics all = office.loop.metrics();
  lines.push_back("the loop was busy for " + seconds(all.busy));
  lines.push_back("the loop was idle for " + seconds(all.idle));
  lines.push_back("it was over after " + seconds(directs.metrics().age));
  return lines;
}
