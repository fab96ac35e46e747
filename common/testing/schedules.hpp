// schedules.hpp: one program, cancelled wherever it can be, and in every order in which it may run.
//
// A test shows one order of events, and a runtime must be right in all of them. So a test writes down a world, what
// happens in it, and what must be true in the end; and the kit runs it again and again: cancelled before each of its
// turns and within each; with what is ready at the same time shuffled by a seed. Nothing is left to chance: a fault
// names the schedule that found it, and the same schedule finds it again.
//
// A step of a task ends at a suspension, and no task has two steps in one turn. So who is cancelled before each turn is
// cancelled at each suspension.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing/counters.hpp"
#include "testing/descriptors.hpp"
#include "testing/loop_fixture.hpp"

namespace treadle::testing {

/// A world and what happens in it, made afresh for each run.
class Scenario : public LoopFixture {
 public:
  virtual ~Scenario() = default;

  /// What is cancelled: the first task of the world.
  virtual Coro<> main() = 0;

  /// Makes the other tasks, before the first turn.
  virtual void begin() {}

  /// Called before each turn, and before a cancel that comes there. What else there is in the world, such as another
  /// loop, does its part here.
  virtual void before_turn() {}

  /// Looks at the world once the main task is done and nothing else is ready. What is wrong, expect() notes.
  virtual void end(const Task<>& main) = 0;

  /// Notes `sentence` as a fault unless `holds`.
  void expect(bool holds, const std::string& sentence) {
    if (!holds) faults.push_back(sentence);
  }

  Trace faults;
};

using MakeScenario = std::function<std::unique_ptr<Scenario>()>;

template <class World>
std::unique_ptr<Scenario> make_scenario() {
  return std::make_unique<World>();
}

/// Where in a turn a cancel comes.
enum class CancelAt {
  kBeforeTurn,  ///< between two turns: what the task waits for has not happened yet
  kInTurn  ///< behind what was ready, before what the turn itself woke: that has happened, and nobody has run
};

/// One way to run a scenario.
struct Schedule {
  std::vector<std::size_t> cancels;  ///< the turns, from 0, with a cancel of the main task
  CancelAt where = CancelAt::kBeforeTurn;
  std::uint32_t seed = 0;  ///< shuffles what is ready before each turn; 0 leaves all as it is
};

/// What came of running scenarios.
struct Findings {
  std::size_t runs = 0;
  Trace faults;  ///< `cancelled before turn 2 (sleep of 1s): a coin is lost`
  Trace
      places;  ///< what the main task waited for, or its state, when it was cancelled: sorted, each once

  bool has_fault(const std::string& part) const {
    return std::any_of(faults.begin(), faults.end(), [&](const std::string& fault) {
      return fault.find(part) != std::string::npos;
    });
  }
};

/// Puts what is ready into an order that `seed` chooses, and gives the next seed.
inline std::uint32_t shuffle(ReadyQueue& ready, std::uint32_t seed) {
  std::vector<Runnable*> all;
  while (!ready.empty()) all.push_back(&ready.pop());
  // By hand, as the same seed must give the same order with every standard library.
  for (std::size_t left = all.size(); left > 1; --left) {
    seed = seed * 1664525u + 1013904223u;
    std::swap(all[left - 1], all[(seed >> 16) % left]);
  }
  for (Runnable* runnable : all) ready.push(*runnable);
  return seed * 1664525u + 1013904223u;
}

namespace detail {

// Lines that are no leak of the world in which they are noted. The first of them lie in memory that was there before; of
// the others it is counted, which is exact where no other thread allocates in that moment.
class Notes {
 public:
  Notes() : room_(kRoom, std::string(kLongest, ' ')) {}

  void add(const std::string& line) {
    if (used_ < kRoom && line.size() <= kLongest) {
      room_[used_++].assign(line);
      return;
    }
    const std::size_t before = live_allocations();
    more_.push_back(line);
    held_ += live_allocations() - before;
  }
  std::size_t held() const noexcept { return held_; }
  Trace lines() const {
    Trace lines(room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(used_));
    lines.insert(lines.end(), more_.begin(), more_.end());
    return lines;
  }

 private:
  static constexpr std::size_t kRoom = 8;
  static constexpr std::size_t kLongest = 300;

  std::size_t used_ = 0;
  std::size_t held_ = 0;
  Trace room_;
  Trace more_;
};

// One run of a scenario by a schedule.
class ScheduledRun {
 public:
  using Times = std::vector<Clock::time_point>;

  // `times` is when each turn began to run its tasks where nothing is cancelled, as far as that is known.
  ScheduledRun(const MakeScenario& make, const Schedule& schedule, const Times& times = {})
      : schedule_(schedule), times_(times) {
    learned_.reserve(kMostTurns);
    const DescriptorCheck descriptors;
    const std::size_t before = live_allocations();
    {
      const std::unique_ptr<Scenario> world = make();
      drive(*world);
      world->loop.close();
      for (const std::string& fault : world->faults) faults_.add(fault);
      for (const std::string& error : world->errors) faults_.add("nobody awaited: " + error);
    }
    const std::size_t after = live_allocations() - places_.held() - faults_.held();
    if (after != before) faults_.add("memory is left: " + count(after, before, "block"));
    if (Counted::live() != 0) faults_.add("objects are left, or were destroyed twice");
    if (!descriptors.balanced()) faults_.add("descriptors are left open, or too many closed");
  }

  const Times& times() const noexcept { return learned_; }
  std::size_t cancelled() const noexcept { return cancelled_; }

  // Adds what this run found.
  void report_to(Findings& findings) const {
    ++findings.runs;
    for (const std::string& fault : faults_.lines()) findings.faults.push_back(name() + fault);
    for (const std::string& place : places_.lines()) {
      const auto at = std::lower_bound(findings.places.begin(), findings.places.end(), place);
      if (at == findings.places.end() || *at != place) findings.places.insert(at, place);
    }
  }

 private:
  static constexpr std::size_t kMostTurns = 1000;

  void drive(Scenario& world) {
    Task<> main = world.loop.create_task(world.main());
    world.begin();
    arm_jumps(world, main);
    std::uint32_t seed = schedule_.seed;
    for (std::size_t turn = 0; !main.done(); ++turn) {
      const char* trouble = nullptr;
      world.before_turn();
      plan(world, main, turn);
      if (seed != 0) seed = shuffle(world.loop.ready(), seed) | 1u;
      if (turn == kMostTurns)
        trouble = "it does not end: ";
      else if (!world.loop.run_once())
        trouble = "nothing is left to run, and it is not done: ";
      else if (world.hung())
        trouble = "the test hangs: ";
      if (trouble != nullptr) return faults_.add(trouble + place_of(main));
      learned_.push_back(world.clock.now());
    }
    world.run_until_idle();
    world.end(main);
  }

  bool jumps_to(std::size_t turn) const {
    return turn > 0 && turn < times_.size() && times_[turn] > times_[turn - 1];
  }

  // A turn to which the clock jumps has nothing ready before it, and with a callback it would not jump. So there the
  // cancel is a timer, armed before those of the world: it comes first among those with the same deadline.
  void arm_jumps(Scenario& world, Task<>& main) {
    if (schedule_.where != CancelAt::kInTurn) return;
    for (const std::size_t turn : schedule_.cancels) {
      if (jumps_to(turn)) world.loop.call_at(times_[turn], [this, main] { cancel(main); });
    }
  }

  void plan(Scenario& world, Task<>& main, std::size_t turn) {
    for (const std::size_t wanted : schedule_.cancels) {
      if (wanted != turn) continue;
      if (schedule_.where == CancelAt::kBeforeTurn)
        cancel(main);
      else if (!jumps_to(turn))
        world.loop.call_soon([this, main] { cancel(main); });
    }
  }

  void cancel(Task<> main) {
    if (main.done()) return;
    ++cancelled_;
    places_.add(place_of(main));
    main.cancel("by the schedule of the test, which has a reason that is long");
  }

  static std::string place_of(const Task<>& main) {
    const std::string what = main.waits_for();
    return what.empty() ? std::string(to_string(main.state())) : what;
  }

  static std::string count(std::size_t after, std::size_t before, const char* what) {
    return after > before ? std::to_string(after - before) + " " + what + "s too many"
                          : std::to_string(before - after) + " " + what + "s too few";
  }

  std::string name() const {
    std::string text = schedule_.seed == 0 ? "" : "seed " + std::to_string(schedule_.seed) + ", ";
    text += schedule_.cancels.empty()                  ? "not cancelled"
            : schedule_.where == CancelAt::kBeforeTurn ? "cancelled before turn"
                                                       : "cancelled in turn";
    for (const std::size_t turn : schedule_.cancels) text += " " + std::to_string(turn);
    for (const std::string& place : places_.lines()) text += " (" + place + ")";
    return text + ": ";
  }

  const Schedule schedule_;
  const Times times_;
  Times learned_;
  std::size_t cancelled_ = 0;
  Notes places_;
  Notes faults_;
};

// Cancels once more, later and later, until the main task is done before it can be.
inline void cancel_again(const MakeScenario& make, Schedule schedule, Findings& findings) {
  for (schedule.cancels.push_back(schedule.cancels.back());; ++schedule.cancels.back()) {
    const ScheduledRun run(make, schedule);
    run.report_to(findings);
    if (run.cancelled() < schedule.cancels.size() || findings.faults.size() > 20) return;
  }
}

}  // namespace detail

/// Runs the scenario by one schedule; to look at a fault that was found.
inline Findings run_schedule(const MakeScenario& make, const Schedule& schedule) {
  Findings findings;
  const detail::ScheduledRun learned(make, {{}, schedule.where, schedule.seed});
  detail::ScheduledRun(make, schedule, learned.times()).report_to(findings);
  return findings;
}

/// Runs the scenario undisturbed, and then cancels its main task before each of its turns and within each; and, where
/// `twice`, a second time before each turn that is left. After each run the main task is done, no memory, object or
/// descriptor is left, nothing was reported, and the scenario finds no fault.
inline Findings cancel_everywhere(const MakeScenario& make, bool twice = false,
                                  std::uint32_t seed = 0) {
  Findings findings;
  const detail::ScheduledRun whole(make, {{}, CancelAt::kBeforeTurn, seed});
  whole.report_to(findings);
  for (const auto where : {CancelAt::kBeforeTurn, CancelAt::kInTurn}) {
    for (std::size_t turn = 0; turn < whole.times().size(); ++turn) {
      detail::ScheduledRun(make, {{turn}, where, seed}, whole.times()).report_to(findings);
      if (twice && where == CancelAt::kBeforeTurn)
        detail::cancel_again(make, {{turn}, where, seed}, findings);
    }
  }
  return findings;
}

/// Runs the scenario with what is ready at the same time in another order, for each of so many seeds.
inline Findings in_any_order(const MakeScenario& make, std::uint32_t seeds = 50) {
  Findings findings;
  for (std::uint32_t seed = 1; seed <= seeds; ++seed)
    detail::ScheduledRun(make, {{}, CancelAt::kBeforeTurn, seed}).report_to(findings);
  return findings;
}

/// Both at once: cancels everywhere in each of so many orders.
inline Findings cancel_everywhere_in_any_order(const MakeScenario& make, std::uint32_t seeds = 10) {
  Findings findings;
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    const Findings more = cancel_everywhere(make, false, seed);
    findings.runs += more.runs;
    findings.faults.insert(findings.faults.end(), more.faults.begin(), more.faults.end());
  }
  return findings;
}

}  // namespace treadle::testing
