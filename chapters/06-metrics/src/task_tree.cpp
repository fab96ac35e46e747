#include "treadle/task_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "treadle/text.hpp"

namespace treadle {

namespace {

// Of a long chain the middle is left out: who looks for a fault looks at its ends.
constexpr std::size_t kMostLines = 12;

// So it is with a chain of tasks. Each is indented further than the one above it, so a tree of all of
// them would have as many characters as the square of their number.
constexpr std::size_t kMostTasks = 40;

const TaskBlock* awaited_by(const TaskBlock& task) {
  const Suspension* place = task.waiting_at();
  return place != nullptr ? place->blocker() : nullptr;
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
      if (!places_.contains(task)) draw_branch(*task);
    return tasks_.empty() ? "no tasks\n" : text_;
  }

 private:
  struct Place {
    std::size_t branch;
    bool left_out = false;
  };

  struct Branch {
    std::vector<const TaskBlock*> tasks;
    bool ends_in_known = false;  // the last one is in the tree already
  };

  // A task waits for one other at most, so a branch does not fork, and needs no recursion.
  Branch branch_from(const TaskBlock& first) {
    Branch branch;
    ++branches_;
    for (const TaskBlock* task = &first; task != nullptr && !branch.ends_in_known;
         task = awaited_by(*task)) {
      branch.tasks.push_back(task);
      branch.ends_in_known = !places_.try_emplace(task, Place{branches_}).second;
    }
    return branch;
  }

  void draw_branch(const TaskBlock& first) {
    const auto [tasks, ends_in_known] = branch_from(first);
    const std::size_t left_out = tasks.size() > kMostTasks ? tasks.size() - kMostTasks : 0;
    std::string indent;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (left_out != 0 && i == kMostTasks / 2) {
        text_ += fmt::format("{}... and {} more tasks\n", indent, left_out);
        for (const std::size_t end = i + left_out; i < end; ++i)
          places_.at(tasks[i]).left_out = true;
      }
      const TaskBlock* const above = i > 0 ? tasks[i - 1] : nullptr;
      const bool known = ends_in_known && i + 1 == tasks.size();
      line(indent, above != nullptr, *tasks[i], known);
      if (known) return;
      if (above != nullptr) indent += "   ";
      chain(indent + "    ", tasks[i]->chain());
      other_joiners(indent, *tasks[i], above);
    }
  }

  void line(const std::string& indent, bool below, const TaskBlock& task, bool known) {
    text_ += indent + (below ? "└─ " : "") + on_one_line(task.label());
    text_ += ": " + (known ? reference_to(task) : state_of(task)) + "\n";
  }

  std::string reference_to(const TaskBlock& task) const {
    const Place& place = places_.at(&task);
    if (place.branch == branches_) return "is the one above, they wait for each other in a circle";
    return place.left_out ? "is one of those left out above" : "see above";
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
  std::map<const TaskBlock*, Place> places_;
  std::size_t branches_ = 0;
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
