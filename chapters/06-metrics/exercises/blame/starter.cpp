#include <string>

#include "treadle/event_loop.hpp"

using treadle::AnyTask;
using treadle::Clock;
using treadle::LoopObserver;
using treadle::WaitReason;

// Finds the task that keeps the others waiting.
class Blame final : public LoopObserver {
 public:
  // The clock of the loop.
  explicit Blame(const Clock& clock) : clock_(clock) {}

  // For how long others were ready while `task` took its steps, all added up.
  Clock::duration caused_by(const AnyTask& /*task*/) const {
    return clock_.now() - clock_.now();  // TODO
  }

  // Who has caused most; empty where nobody has caused anything.
  std::string worst() const {
    return "";  // TODO
  }

  // TODO: on_create() and others; see observer.hpp

 private:
  const Clock& clock_;
};
