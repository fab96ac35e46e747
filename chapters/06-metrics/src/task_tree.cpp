#include "treadle/task_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include "treadle/text.hpp"

namespace treadle {

namespace {

// Of a long chain the middle is left out: who looks for a fault looks at its ends.
constexpr std::size_t kMostLines = 12;

const TaskBlock* awaited_by(const TaskBlock& task) {
  const Suspension* place = task.waiting_at();
  return place != nullptr ? place->awaited_task() : nullptr;
}

std::size_t joiners_of(const TaskBlock& task) {
  std::size_t count = 0;
  task.for_each_joiner([&](const TaskBlock&) { ++count; });
  return count;
}

// The tree as it is written, task by task.
class Drawing {
 public:
  explicit Drawing(std::vector<const TaskBlock*> tasks) : tasks_(std::move(tasks)) {}

  std::string text() {
    for (const TaskBlock* task : tasks_)
      if (joiners_of(*task) == 0) draw_branch(*task);
    // Who is left is awaited by somebody who is left: there are only circles.
    for (const TaskBlock* task : tasks_)
      if (!drawn_.contains(task)) draw_branch(*task);
    return tasks_.empty() ? "no tasks\n" : text_;
  }

 private:
  // A task waits for one other at most, so a branch does not fork, and needs no recursion.
  void draw_branch(const TaskBlock& first) {
    std::string indent;
    std::set<const TaskBlock*> branch;
    const TaskBlock* above = nullptr;
    for (const TaskBlock* task = &first; task != nullptr; task = awaited_by(*task)) {
      const bool known = drawn_.contains(task);
      line(indent, above != nullptr, *task, known, branch.contains(task));
      if (known) return;
      drawn_.insert(task);
      branch.insert(task);
      if (above != nullptr) indent += "   ";
      chain(indent + "    ", task->chain());
      other_joiners(indent, *task, above);
      above = task;
    }
  }

  void line(const std::string& indent, bool below, const TaskBlock& task, bool known, bool circle) {
    text_ += indent + (below ? "└─ " : "") + on_one_line(task.label());
    if (circle) {
      text_ += ": is the one above, they wait for each other in a circle\n";
    } else if (known) {
      text_ += ": see above\n";
    } else {
      text_ += ": " + state_of(task) + "\n";
    }
  }

  static std::string state_of(const TaskBlock& task) {
    std::string text(to_string(task.state()));
    if (const Suspension* place = task.waiting_at()) {
      text += ", waits for " + on_one_line(place->waits_for());
    } else if (task.state() == TaskState::kSuspended) {
      text += ", ready to go on";
    }
    if (const TaskMetrics metrics = task.metrics(); metrics.timed)
      text += fmt::format(", {} old", short_time(metrics.age));
    return text;
  }

  void chain(const std::string& indent, const AwaitChain& chain) {
    const std::size_t left_out = chain.size() > kMostLines ? chain.size() - kMostLines : 0;
    for (std::size_t i = 0; i < chain.size(); ++i) {
      if (left_out != 0 && i == kMostLines / 2) {
        text_ += fmt::format("{}... and {} more\n", indent, left_out);
        i += left_out;
      }
      text_ += fmt::format("{}at {}\n", indent, to_string(StackEntry(chain[i])));
    }
  }

  void other_joiners(const std::string& indent, const TaskBlock& task, const TaskBlock* above) {
    std::string names;
    task.for_each_joiner([&](const TaskBlock& joiner) {
      if (&joiner != above) names += (names.empty() ? "" : ", ") + on_one_line(joiner.label());
    });
    if (!names.empty())
      text_ += fmt::format("{}{}awaited by {}\n", indent, above ? "also " : "", names);
  }

  std::vector<const TaskBlock*> tasks_;
  std::set<const TaskBlock*> drawn_;
  std::string text_;
};

}  // namespace

std::string task_tree(const EventLoop& loop, Delay patience) {
  const auto draw = [&loop] {
    std::vector<const TaskBlock*> tasks;
    loop.for_each_task([&](const TaskBlock& task) { tasks.push_back(&task); });
    return Drawing(std::move(tasks)).text();
  };
  return loop.look(draw, patience).value_or("the loop is closed\n");
}

}  // namespace treadle
