// rejected by: Blame: the last step counts as well
// status: wrong
// says: Ann took three steps
//
// Looks at the steps that end with a suspension.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "treadle/event_loop.hpp"

using treadle::AnyTask;
using treadle::Clock;
using treadle::LoopObserver;
using treadle::WaitReason;

// Finds the task that keeps the others waiting.
//
// Invariant: of each task that is known to be ready, it knows since when; and of the one that runs, if
// it was seen to begin.
class Blame final : public LoopObserver {
 public:
  // The clock of the loop.
  explicit Blame(const Clock& clock) : clock_(clock) {}

  // For how long others were ready while `task` took its steps, all added up.
  Clock::duration caused_by(const AnyTask& task) const {
    const auto found = accounts_.find(task.id());
    return found == accounts_.end() ? Clock::duration::zero() : found->second.caused;
  }

  // Who has caused most; empty where nobody has caused anything.
  std::string worst() const {
    Account most;
    for (const auto& [id, account] : accounts_) {
      if (account.caused > most.caused) most = account;
    }
    return most.name;
  }

  void on_create(const AnyTask& task) override { ready_[task.id()] = clock_.now(); }
  void on_wake(const AnyTask& task, const AnyTask&) override { ready_[task.id()] = clock_.now(); }

  void on_resume(const AnyTask& task) override {
    ready_.erase(task.id());
    running_ = Running{task.id(), clock_.now()};
  }
  void on_suspend(const AnyTask& task, WaitReason reason) override {
    end_step(task);
    if (reason == WaitReason::kReady) ready_[task.id()] = clock_.now();
  }
  void on_finish(const AnyTask& task) override {
    running_.reset();
    ready_.erase(task.id());  // where it never began
  }

 private:
  using Id = treadle::TaskBlock::Id;

  struct Account {
    Clock::duration caused{0};
    std::string name;
  };
  struct Running {
    Id id;
    Clock::time_point since;
  };

  void end_step(const AnyTask& task) {
    if (!running_ || running_->id != task.id()) return;  // not seen to begin
    Account& account = accounts_[task.id()];
    account.name = task.name();
    const Clock::time_point now = clock_.now();
    for (const auto& [id, since] : ready_) account.caused += now - std::max(since, running_->since);
    running_.reset();
  }

  const Clock& clock_;
  std::map<Id, Clock::time_point> ready_;  // since when
  std::optional<Running> running_;
  std::map<Id, Account> accounts_;  // by number: names may be equal, and change
};
