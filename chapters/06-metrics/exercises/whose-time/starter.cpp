#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::AnyTask;
using treadle::Clock;
using treadle::EventLoop;
using treadle::LoopObserver;
using treadle::TaskMetrics;

// What somebody has cost.
struct Line {
  std::string who;
  std::size_t tasks = 0;
  Clock::duration ran{0};
  Clock::duration waited{0};
};

// Keeps a book of what the tasks of a loop have cost, by what their context says under a key.
class CostBook final : public LoopObserver {
 public:
  // The loop keeps times, and outlives the book.
  CostBook(const EventLoop& loop, std::string key) : loop_(loop), key_(std::move(key)) {}

  // What all have cost so far, the dearest first.
  std::vector<Line> lines() const {
    std::vector<Line> lines;
    for (const AnyTask& task : loop_.all_tasks())
      lines.push_back({task.name(), 1, {}, {}});  // TODO
    return lines;
  }

  // TODO: a hook

 private:
  const EventLoop& loop_;
  const std::string key_;
};
