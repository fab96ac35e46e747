// rejected by: CostBook: a value of any type, and of the last moment
// status: wrong
// says: An observer that throws is detached
//
// Asks for a string, whatever is there.
#include <algorithm>
#include <cstddef>
#include <map>
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
    Book book = done_;  // a copy: those who are not done are entered when they are
    for (const AnyTask& task : loop_.all_tasks()) enter(book, task);
    std::vector<Line> lines;
    for (const auto& [who, line] : book) lines.push_back(line);
    std::stable_sort(lines.begin(), lines.end(),
                     [](const Line& a, const Line& b) { return a.ran > b.ran; });
    return lines;
  }

  // All is known by now: what it has cost, and for whom.
  void on_finish(const AnyTask& task) override { enter(done_, task); }

 private:
  using Book = std::map<std::string, Line>;  // by who, and so in the order of equals

  void enter(Book& book, const AnyTask& task) const {
    const std::string who = who_of(task);
    const TaskMetrics cost = task.metrics();
    Line& line = book[who];
    line.who = who;
    ++line.tasks;
    line.ran += cost.execution;
    line.waited += cost.suspended();
  }

  std::string who_of(const AnyTask& task) const {
    return task.context<std::string>(key_).value_or("-");
  }

  const EventLoop& loop_;
  const std::string key_;
  Book done_;
};
