// A loop, those who post to it, one bell, and every order in which their steps can come.
//
// No thread is started here. Each thread is a coroutine, each of its steps a co_await, and between two
// steps any other thread may come. So a run is a list of who goes next, and such lists can be tried
// one after the other: what a real machine does once in a million runs happens here each time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

// What the threads share, and what they can do with it. Each function is one step: nobody comes in the
// middle of it.
class Machine {
 public:
  class Step;

  // ---- For whoever posts

  Step put();          // leaves a job in the inbox
  Step asks_asleep();  // gives 1 where the loop has said that it is asleep
  Step ring();         // rings the bell, which remembers it. It is a system call, and costs

  // ---- For the loop

  Step says_asleep(bool asleep);  // for others to ask. It says so itself: nobody else knows
  Step asks_inbox();              // gives how many jobs lie in the inbox
  Step sleep();                   // until the bell has been rung; at once where it has been
  Step drain_bell();              // the bell forgets
  Step take();                    // takes all jobs out of the inbox and does them

 private:
  friend class Run;

  bool can_go_on(std::size_t thread) const;
  std::string do_step(Step& step);

  int jobs_ = 0;
  bool asleep_ = false;
  bool rung_ = false;
  int rings_ = 0;
  int taken_ = 0;                // how often take() was done
  std::size_t current_ = 0;      // the thread that runs
  std::vector<Step*> standing_;  // at which step each thread stands; null where it has ended
};

// ---- What follows is machinery. The exercise needs none of it.

class Machine::Step final : public treadle::Suspension {
 public:
  enum class What { kPut, kAskAsleep, kRing, kSayAsleep, kAskInbox, kSleep, kDrain, kTake };

  Step(Machine& machine, What what, bool value = false)
      : machine_(machine), what_(what), value_(value) {}

  bool await_ready() const noexcept { return false; }
  template <treadle::TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    machine_.standing_[machine_.current_] = this;
    suspend(caller.promise());
  }
  int await_resume() const noexcept { return result_; }
  std::string waits_for() const override { return "its turn"; }

 private:
  friend class Machine;
  friend class Run;

  Machine& machine_;
  const What what_;
  const bool value_;
  int result_ = 0;
};

inline Machine::Step Machine::put() { return {*this, Step::What::kPut}; }
inline Machine::Step Machine::asks_asleep() { return {*this, Step::What::kAskAsleep}; }
inline Machine::Step Machine::ring() { return {*this, Step::What::kRing}; }
inline Machine::Step Machine::says_asleep(bool asleep) {
  return {*this, Step::What::kSayAsleep, asleep};
}
inline Machine::Step Machine::asks_inbox() { return {*this, Step::What::kAskInbox}; }
inline Machine::Step Machine::sleep() { return {*this, Step::What::kSleep}; }
inline Machine::Step Machine::drain_bell() { return {*this, Step::What::kDrain}; }
inline Machine::Step Machine::take() { return {*this, Step::What::kTake}; }

inline bool Machine::can_go_on(std::size_t thread) const {
  const Step* step = standing_[thread];
  return step != nullptr && (step->what_ != Step::What::kSleep || rung_);
}

// Does what the step says, and tells it in words.
inline std::string Machine::do_step(Step& step) {
  switch (step.what_) {
    case Step::What::kPut:
      ++jobs_;
      return "puts a job into the inbox";
    case Step::What::kAskAsleep:
      step.result_ = asleep_ ? 1 : 0;
      return asleep_ ? "asks, and the loop is asleep" : "asks, and the loop is awake";
    case Step::What::kRing:
      rung_ = true;
      ++rings_;
      return "rings";
    case Step::What::kSayAsleep:
      asleep_ = step.value_;
      return asleep_ ? "says that it is asleep" : "says that it is awake";
    case Step::What::kAskInbox:
      step.result_ = jobs_;
      return jobs_ == 0 ? "looks into the inbox, which is empty"
                        : "looks into the inbox, and sees a job";
    case Step::What::kSleep:
      return "hears the bell";
    case Step::What::kDrain:
      rung_ = false;
      return "drains the bell";
    case Step::What::kTake:
      step.result_ = std::exchange(jobs_, 0);
      ++taken_;
      return "takes " + std::to_string(step.result_) + (step.result_ == 1 ? " job" : " jobs");
  }
  return "";
}

// One run: the loop, so many who post, and who goes next.
class Run {
 public:
  using Thread = std::function<treadle::Coro<>(Machine&)>;

  static constexpr std::size_t kLoop = 0;
  static constexpr std::size_t kMostSteps = 200;

  Run(const Thread& loop, const Thread& post, std::size_t posters, int times) {
    machine_.standing_.resize(posters + 1);
    start(kLoop, loop(machine_));
    for (std::size_t i = 1; i <= posters; ++i) start(i, repeat(machine_, post, times));
  }

  bool can_go_on(std::size_t thread) const { return machine_.can_go_on(thread); }
  std::size_t threads() const { return machine_.standing_.size(); }

  // REQUIRES: it can go on.
  void step(std::size_t thread) {
    machine_.current_ = thread;
    Machine::Step* step = std::exchange(machine_.standing_[thread], nullptr);
    story_ += (steps_ == 0 ? " " : "; ") + name(thread) + " " + machine_.do_step(*step);
    ++steps_;
    step->wake();
    loop_.run_until_idle();
  }

  void run_to_end(std::size_t thread) {
    while (can_go_on(thread) && steps_ < kMostSteps) step(thread);
  }

  // Lets the loop go on until it has taken what lay in the inbox, and wants to look again or to sleep.
  void run_loop_until_it_has_taken() {
    using What = Machine::Step::What;
    const int before = machine_.taken_;
    while (can_go_on(kLoop) && steps_ < kMostSteps) {
      const Machine::Step& next = *machine_.standing_[kLoop];
      const bool looks = next.what_ == What::kAskInbox || next.what_ == What::kSleep ||
                         (next.what_ == What::kSayAsleep && next.value_);
      if (machine_.taken_ > before && looks) return;
      step(kLoop);
    }
  }

  bool goes_round_for_ever() const { return steps_ >= kMostSteps; }
  int jobs() const { return machine_.jobs_; }
  int rings() const { return machine_.rings_; }
  std::size_t steps() const { return steps_; }
  bool loop_sleeps() const {
    const Machine::Step* step = machine_.standing_[kLoop];
    return step != nullptr && step->what_ == Machine::Step::What::kSleep && !machine_.rung_;
  }
  const std::string& story() const { return story_; }

 private:
  void start(std::size_t thread, treadle::Coro<> coro) {
    machine_.current_ = thread;
    loop_.create_task(std::move(coro));
    loop_.run_until_idle();
  }

  static treadle::Coro<> repeat(Machine& machine, const Thread& post, int times) {
    for (int i = 0; i < times; ++i) co_await post(machine);
  }

  static std::string name(std::size_t thread) {
    if (thread == kLoop) return "the loop";
    return std::string("poster ") + static_cast<char>('A' + thread - 1);
  }

  Machine machine_;  // before the loop: its coroutines use it to their end
  treadle::EventLoop loop_;
  std::size_t steps_ = 0;
  std::string story_;
};

// What came of trying all orders.
struct Findings {
  std::size_t runs = 0;
  std::string lost;   // the shortest story of a job that lies there while the loop sleeps
  std::string spins;  // and of a loop that never comes to rest
};

// Tries all orders in which nobody is interrupted more than `interruptions` times in all. Few faults
// need more than two or three.
inline Findings try_all(const Run::Thread& loop, const Run::Thread& post, std::size_t posters,
                        int times, std::size_t interruptions) {
  struct Choice {
    std::vector<std::size_t> who;
    std::size_t taken;
  };
  Findings findings;
  std::vector<Choice> choices;
  std::size_t shortest = Run::kMostSteps + 1;
  do {
    Run run(loop, post, posters, times);
    std::size_t last = Run::kLoop, left = interruptions;
    for (std::size_t i = 0; !run.goes_round_for_ever(); ++i) {
      const bool goes_on = run.can_go_on(last);
      if (i == choices.size()) {
        Choice choice{{}, 0};
        if (goes_on) choice.who.push_back(last);
        for (std::size_t t = 0; t < run.threads(); ++t) {
          const bool may = run.can_go_on(t) && t != last && (!goes_on || left > 0);
          if (may) choice.who.push_back(t);
        }
        if (choice.who.empty()) break;
        choices.push_back(std::move(choice));
      }
      const std::size_t next = choices[i].who[choices[i].taken];
      if (goes_on && next != last) --left;
      run.step(last = next);
    }
    ++findings.runs;
    if (run.goes_round_for_ever()) {
      findings.spins = run.story().substr(0, 600) + " ...";
      return findings;
    }
    if (run.jobs() > 0 && run.steps() < shortest) {
      shortest = run.steps();
      findings.lost = run.story() + "; the loop sleeps.";
    }
    while (!choices.empty() && ++choices.back().taken == choices.back().who.size())
      choices.pop_back();
  } while (!choices.empty());
  return findings;
}
