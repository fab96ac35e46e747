// claim_model.cpp: tries every order in which two threads can claim two loops that none of them runs, or that one runs.
//
// Real, to the letter, are inbox.hpp and inbox.cpp, as in inbox_model.cpp. What is demanded:
//   1. One thread at a time touches a loop (DATA RACE).
//   2. No thread waits for itself or in a circle, and none is forgotten (DEADLOCK).
//   3. What was accepted is done exactly once, also if no thread ever runs the loop; what was refused is not.
//   4. A question is answered, refused or given up; if it was given up, it is never called.
//   5. Nothing is touched that is gone, and nothing is left (ACCESS TO FREED MEMORY, MEMORY LEAK).
//
// Source: Dmitry Vyukov's Relacy Race Detector.
#include "relacy_std.hpp"
// After it, because what is included from here on runs inside Relacy.
#include "inbox.cpp"
#include "posted_calls.cpp"
#include "scenarios.hpp"
#include "treadle/inbox.hpp"
#include "treadle/ref.hpp"

namespace {

using treadle::Inbox;
using treadle::LoopClaim;
using treadle::ReadyQueue;
using treadle::Ref;

/// Of event_loop.hpp, what a claim is about: what belongs to the loop, and may be touched by one thread at a time.
class Loop {
 public:
  Inbox& inbox() { return *inbox_; }

  /// REQUIRES: this thread has claimed the loop.
  void touch() {
    RL_ASSERT(inbox_->runs_here());
    touched_(model::here()) = touched_(model::here()) + 1;
  }

  /// Runs what is there. False if another thread runs the loop, or it is closed.
  bool run_until_idle() {
    const LoopClaim runs(*inbox_, LoopClaim::Kind::kRuns);
    if (!runs) return false;
    run_all();
    return true;
  }

  void close() {
    const LoopClaim runs(*inbox_, LoopClaim::Kind::kRuns);
    if (!runs) return;
    touch();
    do {
      while (!ready_.empty()) ready_.pop().discard();
      inbox_->close();
    } while (!ready_.empty());
  }

 private:
  void run_all() {
    for (int turn = 0; turn < 2; ++turn) {
      touch();
      if (inbox_->has_mail()) inbox_->take();
      for (std::size_t left = ready_.size(); left > 0; --left) ready_.pop().run();
    }
  }

  ReadyQueue ready_;
  const Ref<Inbox> inbox_ = Ref<Inbox>::adopt(*new Inbox(ready_));
  rl::var<int> touched_{0};
};

/// What a function was told, and what became of it.
struct Deed {
  bool accepted = false;
  int done = 0;
};

enum class Act {
  kNothing,
  kReach,         // acts on the first loop, and from there on the second
  kReachAndBack,  // and from there on the first again
  kAsk,           // asks the first loop, and from there the second
  kAskOne,        // asks the first loop
  kRun,           // runs the first loop
  kClose,         // closes the first loop
};

struct Scenario {
  const char* name;
  int bound;    // so many preemptions at most; 0: every order
  Act acts[3];  // of each thread; odd ones have the loops the other way round, if crosswise
  bool crosswise = true;
  bool gives_up = false;  // a question may be given up

  int threads() const { return acts[2] == Act::kNothing ? 2 : 3; }
};

const Scenario* scenario = nullptr;

template <int kThreads>
struct Run : rl::test_suite<Run<kThreads>, kThreads> {
  void before() {
    model::ConditionVariable::deadlines_come = scenario->gives_up;
    treadle::Wakeup::writes = 0;
    for (Loop*& loop : loops) loop = new Loop;
  }

  void thread(unsigned index) {
    const bool swapped = scenario->crosswise && index % 2 == 1;
    act(scenario->acts[index], *loops[swapped ? 1 : 0], *loops[swapped ? 0 : 1], deeds[index]);
    if (finished.fetch_add(1) + 1 < kThreads) return;
    for (Loop* loop : loops) {
      loop->close();
      delete loop;
    }
  }

  void act(Act what, Loop& first, Loop& second, Deed (&deeds_here)[3]) {
    switch (what) {
      case Act::kReach:
      case Act::kReachAndBack:
        return reach(first, second, what == Act::kReachAndBack, deeds_here);
      case Act::kAsk:
      case Act::kAskOne:
        return ask(first, second, what == Act::kAsk, deeds_here);
      case Act::kRun:
        first.run_until_idle();
        return;
      case Act::kClose:
        return first.close();
      default:
        return;
    }
  }

  static void reach(Loop& first, Loop& second, bool back, Deed (&deeds_here)[3]) {
    deeds_here[0].accepted = first.inbox().reach([&, back] {
      first.touch();
      ++deeds_here[0].done;
      deeds_here[1].accepted = second.inbox().reach([&, back] {
        second.touch();
        ++deeds_here[1].done;
        if (!back) return;
        deeds_here[2].accepted = first.inbox().reach([&] {
          first.touch();
          ++deeds_here[2].done;
        });
      });
    });
  }

  static void ask(Loop& first, Loop& second, bool both, Deed (&deeds_here)[3]) {
    ask_one(first, deeds_here[0], [&, both] {
      if (both) ask_one(second, deeds_here[1], [] {});
    });
  }

  template <class F>
  static void ask_one(Loop& loop, Deed& deed, F then) {
    try {
      const auto answer = loop.inbox().ask([&] {
        loop.touch();
        then();
        return ++deed.done;
      });
      deed.accepted = answer.has_value();
    } catch (const treadle::InvalidStateError&) {
      // It would have waited in a circle.
    } catch (const treadle::TimeoutError&) {
      RL_ASSERT(scenario->gives_up);
    }
  }

  void after() {
    for (auto& of_thread : deeds)
      for (const Deed& deed : of_thread)
        RL_ASSERT(closes() ? deed.done <= (deed.accepted ? 1 : 0)
                           : deed.done == (deed.accepted ? 1 : 0));
  }

  static bool closes() {
    for (const Act each : scenario->acts)
      if (each == Act::kClose) return true;
    return false;
  }

  std::atomic<int> finished = 0;
  Loop* loops[2] = {};
  Deed deeds[kThreads][3];
};

// clang-format off
const Scenario kScenarios[] = {
    {.name = "crosswise", .bound = 2, .acts = {Act::kReach, Act::kReach}},
    {.name = "there and back, crosswise", .bound = 2, .acts = {Act::kReachAndBack, Act::kReachAndBack}},
    {.name = "a question, and one that acts", .bound = 2, .acts = {Act::kAskOne, Act::kReach}, .crosswise = false},
    {.name = "a question that is given up", .bound = 2, .acts = {Act::kAskOne, Act::kReach}, .crosswise = false, .gives_up = true},
    {.name = "one acts, one runs", .bound = 3, .acts = {Act::kReach, Act::kRun}, .crosswise = false},
    {.name = "one asks, one runs", .bound = 3, .acts = {Act::kAskOne, Act::kRun}, .crosswise = false},
    {.name = "one acts, one closes", .bound = 2, .acts = {Act::kReach, Act::kClose}, .crosswise = false},
    {.name = "one asks, one closes", .bound = 2, .acts = {Act::kAskOne, Act::kClose}, .crosswise = false},
    {.name = "two act, one runs", .bound = 2, .acts = {Act::kReach, Act::kReach, Act::kRun}},
    {.name = "one acts, one asks, one runs", .bound = 2, .acts = {Act::kReach, Act::kAskOne, Act::kRun}, .crosswise = false},
};
// clang-format on

bool explore(const Scenario& chosen) {
  scenario = &chosen;
  return model::explore(chosen.name, "up to " + std::to_string(chosen.bound) + " preemptions",
                        chosen.bound, [&](rl::test_params& params) {
                          return chosen.threads() == 2 ? model::simulate_bound<Run<2>>(params)
                                                       : model::simulate_bound<Run<3>>(params);
                        });
}

}  // namespace

int main(int argc, char** argv) { return model::explore_all(argc, argv, kScenarios, explore); }
