// queue_entry.hpp: what tests of queues put in: a Runnable with a letter for a name.
#pragma once

#include <string>

#include "treadle/ready_queue.hpp"

namespace treadle::testing {

class QueueEntry final : public Runnable {
 public:
  explicit QueueEntry(char name) : name_(name) {}
  char name() const { return name_; }
  void run() override {}
  void discard() noexcept override {}

 private:
  char name_;
};

/// Takes all out of a queue, or of a batch; gives their names in that order.
template <class From>
std::string take_names(From& from) {
  std::string names;
  while (!from.empty()) names += static_cast<QueueEntry&>(from.pop()).name();
  return names;
}

}  // namespace treadle::testing
