// inbox_model.cpp: tries every order in which posters, signals and a sleeping loop can meet.
//
// A lost wake-up is a matter of two instructions that fall between two others, once in a million
// runs, and then a program hangs. So luck is taken out: Relacy runs the stage's own inbox step by
// step, in every order that there is where there are few threads, and in very many where there are
// more. It also lets an atomic load give any value that the memory order allows.
//
// Real, to the letter, are inbox.hpp and inbox.cpp. Transcribed are the few functions of
// event_loop.cpp and signals.cpp that use them, under their own names, and in
// include/treadle/wakeup.hpp the kernel's eventfd. What is demanded:
//   1. What was accepted is run or discarded, exactly once, and what was refused is neither.
//   2. The loop never sleeps for ever while there is something to do (Relacy: DEADLOCK), and never
//      runs in circles (LIVELOCK).
//   3. Nobody touches what is gone when the loop has ended and been destroyed, not even he whose
//      post or stop() ended it (ACCESS TO FREED MEMORY); and nothing is left (MEMORY LEAK).
//   4. One sleep costs at most one write to the eventfd.
//   5. What a poster wrote before it posted is seen by what is run (DATA RACE).
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
using treadle::Runnable;

constexpr int kMostPosters = 3;
constexpr int kMostPosts = 3;

/// When the loop ends.
enum class End {
  kAllHaveRun,  // by a post that finds that all others have run
  kStopped,     // by stop() from another thread; posters have handles that outlive the loop
  kIsStuck,     // by itself, as no work is under way any more; each post brings the end of some
};

/// Who takes part, and what happens besides.
struct Scenario {
  const char* name;
  unsigned long limit;  // so many preemptions at most; with more than three threads, so many runs
  End end = End::kAllHaveRun;
  int posters = 0;
  int posts = 0;           // by each poster
  bool signaller = false;  // the loop waits for a signal, too
  bool answers = false;    // what is run, or discarded, posts again
  int timers = 0;          // so many sleeps may end by themselves
  int busy_turns = 0;      // so many turns may find something ready

  int stoppers() const { return end == End::kStopped ? 1 : 0; }
  int threads() const { return 1 + posters + stoppers() + (signaller ? 1 : 0); }
  int all_posts() const { return posters * posts * (answers ? 2 : 1); }
};

const Scenario* scenario = nullptr;

/// Memory whose object is made and destroyed by hand.
template <class T>
class Room {
 public:
  void make() { object_ = ::new (static_cast<void*>(bytes_)) T; }
  void destroy() { object_->~T(); }
  T* operator->() { return object_; }

 private:
  alignas(T) unsigned char bytes_[sizeof(T)];
  T* object_ = nullptr;
};

/// What becomes known in one run.
struct Outcome {
  int ran = 0;
  int sleeps = 0;
  int interrupts = 0;  // stop() and signals: each may cost a write, too
};

/// Of event_loop.hpp, what other threads meet there.
class Loop {
 public:
  void run_forever(Outcome& outcome);
  void wind_up();

  bool post(Runnable& runnable) { return inbox_->post(runnable); }
  Ref<Inbox> inbox() const { return inbox_; }
  void stop();

  /// A handler of signals.cpp, on whatever thread the signal hits.
  void on_signal() {
    handlers_at_work_.fetch_add(1);
    raised_.store(true);
    inbox_->wakeup().signal();
    handlers_at_work_.fetch_sub(1);
  }

 private:
  bool done(const Outcome& outcome);
  bool has_no_work() const;
  void run_turn();
  void poll();
  void sleep();
  void wait(bool may_sleep);
  void take_signals();

  // Whether a descriptor is ready or a timer due is not for us to say: both ways are tried.
  bool timer_fires() { return timers_ > 0 && rl::rand(2) == 1 && timers_-- > 0; }
  bool has_work() {
    return !ready_.empty() || (busy_turns_ > 0 && rl::rand(2) == 1 && busy_turns_-- > 0);
  }

  ReadyQueue ready_;
  const Ref<Inbox> inbox_ = Ref<Inbox>::adopt(*new Inbox(ready_));
  Outcome* outcome_ = nullptr;
  bool signal_heard_ = false;
  int timers_ = scenario->timers;
  int busy_turns_ = scenario->busy_turns;

  std::atomic<bool> stopping_ = false;
  std::atomic<bool> closed_ = false;
  std::atomic<bool> raised_ = false;
  std::atomic<int> handlers_at_work_ = 0;
};

void Loop::stop() {
  const Ref<Inbox> kept = inbox_;  // whoever sees the flag may end the loop at once
  stopping_ = true;
  kept->wake();
}

void Loop::run_forever(Outcome& outcome) {
  outcome_ = &outcome;
  const LoopClaim runs(*inbox_, LoopClaim::Kind::kRuns);
  while (!done(outcome)) run_turn();
}

bool Loop::done(const Outcome& outcome) {
  switch (scenario->end) {
    case End::kStopped:
      return stopping_;
    case End::kIsStuck:
      return has_no_work();
    default:
      return outcome.ran == scenario->all_posts() && (signal_heard_ || !scenario->signaller);
  }
}

bool Loop::has_no_work() const {
  return ready_.empty() && !inbox_->has_mail() && outcome_->ran == scenario->all_posts();
}

void Loop::run_turn() {
  poll();
  if (inbox_->has_mail()) inbox_->take();
  if (scenario->signaller && raised_) take_signals();
  while (!ready_.empty()) ready_.pop().run();
}

void Loop::poll() {
  if (has_work()) {
    wait(false);
    return;
  }
  sleep();
}

void Loop::sleep() {
  const bool may_sleep = inbox_->may_sleep();
  outcome_->sleeps += may_sleep ? 1 : 0;
  wait(may_sleep && !timer_fires());
  inbox_->take();
}

// The poller asks the kernel, and lets the wake-up try where that can be read.
void Loop::wait(bool may_sleep) {
  if (inbox_->wakeup().poll(may_sleep)) inbox_->wakeup().try_again();
}

void Loop::take_signals() {
  raised_ = false;
  signal_heard_ = true;
}

void Loop::wind_up() {
  const LoopClaim runs(*inbox_, LoopClaim::Kind::kRuns);
  while (scenario->signaller && handlers_at_work_ > 0) rl::yield(1, model::here());
  do {
    while (!ready_.empty()) ready_.pop().discard();
    closed_ = true;
    inbox_->close();
  } while (!ready_.empty());
}

/// A Runnable that counts what becomes of it.
class Letter final : public Runnable {
 public:
  template <class To>
  void post(To& to, Outcome& outcome) {
    outcome_ = &outcome;
    text_(model::here()) = kText;
    accepted_ = to.post(*this);
  }

  void run() override {
    RL_ASSERT(text_(model::here()) == kText);
    ++ends_;
    ++outcome_->ran;
    if (answer_ != nullptr) answer_->post(**loop_, *outcome_);
  }

  void discard() noexcept override {
    ++ends_;
    if (answer_ != nullptr) answer_->post(**loop_, *outcome_);
  }

  void answer_with(Letter& answer, Loop*& loop) {
    answer_ = &answer;
    loop_ = &loop;
  }
  bool ended_well() const { return ends_ == (accepted_ ? 1 : 0); }

 private:
  static constexpr int kText = 7;

  Outcome* outcome_ = nullptr;
  Letter* answer_ = nullptr;
  Loop** loop_ = nullptr;
  rl::var<int> text_;
  bool accepted_ = false;
  int ends_ = 0;
};

/// One run. Thread 0 is the loop's own, then come posters, stopper and signaller.
template <int kThreads>
struct Run : rl::test_suite<Run<kThreads>, kThreads> {
  void before() {
    treadle::Wakeup::writes = 0;
    room.make();
    loop = room.operator->();
    if (scenario->end == End::kStopped)
      for (int poster = 0; poster < scenario->posters; ++poster) handles[poster] = loop->inbox();
    if (!scenario->answers) return;
    for (int poster = 0; poster < kMostPosters; ++poster)
      for (int post = 0; post < kMostPosts; ++post)
        letters[poster][post].answer_with(answers[poster][post], loop);
  }

  void thread(unsigned index) {
    const int number = static_cast<int>(index) - 1;
    if (number < 0) return own_thread();
    if (number < scenario->posters) return post_all(number);
    ++outcome.interrupts;
    if (number < scenario->posters + scenario->stoppers()) return loop->stop();
    loop->on_signal();
  }

  void own_thread() {
    loop->run_forever(outcome);
    loop->wind_up();
    room.destroy();
    if (scenario->end == End::kIsStuck) RL_ASSERT(outcome.ran == scenario->all_posts());
  }

  void post_all(int poster) {
    if (scenario->end == End::kStopped) {
      const Ref<Inbox> handle = std::move(handles[poster]);
      return post_all_to(*handle, letters[poster]);
    }
    post_all_to(*loop, letters[poster]);
  }

  template <class To>
  void post_all_to(To& to, Letter (&letters_of_one)[kMostPosts]) {
    for (int post = 0; post < scenario->posts; ++post) letters_of_one[post].post(to, outcome);
  }

  void after() {
    RL_ASSERT(treadle::Wakeup::writes <= outcome.sleeps + outcome.interrupts);
    for (auto& of_one : letters)
      for (Letter& letter : of_one) RL_ASSERT(letter.ended_well());
    for (auto& of_one : answers)
      for (Letter& letter : of_one) RL_ASSERT(letter.ended_well());
  }

  Outcome outcome;
  Room<Loop> room;
  Loop* loop = nullptr;
  Ref<Inbox> handles[kMostPosters];
  Letter letters[kMostPosters][kMostPosts];
  Letter answers[kMostPosters][kMostPosts];
};

// clang-format off
const Scenario kScenarios[] = {
    {.name = "one post", .limit = 6,
     .posters = 1, .posts = 1},
    {.name = "one post, and a timer", .limit = 4,
     .posters = 1, .posts = 1, .timers = 1},
    {.name = "stop()", .limit = 4,
     .end = End::kStopped, .timers = 1},
    {.name = "a signal", .limit = 6,
     .signaller = true, .timers = 1},
    {.name = "one job, and then the loop is stuck", .limit = 6,
     .end = End::kIsStuck, .posters = 1, .posts = 1},
    {.name = "two posts, answered; a busy turn", .limit = 4,
     .posters = 1, .posts = 2, .answers = true, .busy_turns = 1},
    {.name = "a post and a signal", .limit = 3,
     .posters = 1, .posts = 1, .signaller = true, .timers = 1},
    {.name = "a post and stop()", .limit = 3,
     .end = End::kStopped, .posters = 1, .posts = 1, .answers = true},
    {.name = "two posters, two posts each, and a timer", .limit = 2,
     .posters = 2, .posts = 2, .timers = 1},
    {.name = "three posters, three posts each, answered", .limit = 20000,
     .posters = 3, .posts = 3, .answers = true, .timers = 2, .busy_turns = 2},
    {.name = "three posters, three posts each, and a signal", .limit = 20000,
     .posters = 3, .posts = 3, .signaller = true, .timers = 2, .busy_turns = 2},
    {.name = "three posters, three posts each, and stop()", .limit = 20000,
     .end = End::kStopped, .posters = 3, .posts = 3, .answers = true, .timers = 2, .busy_turns = 2},
};
// clang-format on

bool simulate(rl::test_params& params) {
  switch (scenario->threads()) {
    case 2:
      return model::simulate_bound<Run<2>>(params);
    case 3:
      return model::simulate_bound<Run<3>>(params);
    case 4:
      return model::simulate_random<Run<4>>(params);
    default:
      return model::simulate_random<Run<5>>(params);
  }
}

std::string search_words(const Scenario& of) {
  if (of.threads() > 3) return "at random";
  return "up to " + std::to_string(of.limit) + " preemptions";
}

bool explore(const Scenario& chosen) {
  scenario = &chosen;
  return model::explore(chosen.name, search_words(chosen), chosen.limit, simulate);
}

}  // namespace

int main(int argc, char** argv) { return model::explore_all(argc, argv, kScenarios, explore); }
