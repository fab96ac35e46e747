#include "treadle/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "treadle/json.hpp"
#include "treadle/text.hpp"

namespace treadle {

namespace {

std::int64_t ns(Clock::duration time) { return time.count(); }
std::int64_t ns(Clock::time_point time) { return time.time_since_epoch().count(); }

std::string json_of(const WaitTimes& waits) {
  JsonObject json;
  for (std::size_t i = 0; i < kWaitReasons; ++i) {
    const auto reason = static_cast<WaitReason>(i);
    if (waits[reason] != Clock::duration::zero()) json.add(to_string(reason), ns(waits[reason]));
  }
  return json.text();
}

// The reason that took most of it, for a table that has no room for all.
std::string longest_wait(const WaitTimes& waits) {
  auto longest = WaitReason::kReady;
  for (std::size_t i = 0; i < kWaitReasons; ++i)
    if (waits[static_cast<WaitReason>(i)] > waits[longest]) longest = static_cast<WaitReason>(i);
  if (waits[longest] == Clock::duration::zero()) return "";
  return fmt::format("{} {}", to_string(longest), short_time(waits[longest]));
}

// How wide a terminal shows it, which is neither bytes nor characters. fmt knows that when it fills
// up a field, and no character is wider than its bytes are many.
std::size_t columns(std::string_view text) {
  return 2 * text.size() - fmt::formatted_size("{:<{}}", text, text.size());
}

using Row = std::vector<std::string>;

// Columns as wide as they must be; the first is text and the others are numbers, but for the last.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  std::string text;
  for (const Row& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], widths[0]);
    for (std::size_t i = 1; i + 1 < row.size(); ++i)
      line += fmt::format("  {:>{}}", row[i], widths[i]);
    line += "  " + row.back();
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

Row row_of(const TaskMetrics& task) {
  Row row{on_one_line(task.name), std::string(task.state), std::to_string(task.suspends)};
  if (!task.timed) return row;
  const std::string end = task.longest_step_end.line != 0 ? to_string(task.longest_step_end) : "";
  row.insert(row.end(),
             {short_time(task.age), short_time(task.execution), short_time(task.suspended()),
              longest_wait(task.waits), short_time(task.longest_step), end});
  return row;
}

}  // namespace

std::string to_json(const TaskMetrics& task) {
  JsonObject json;
  json.add("id", task.id).add("name", task.name).add("state", task.state);
  json.add("made_at", to_string(task.made_at)).add("suspends", task.suspends);
  json.add("timed", task.timed);
  if (!task.timed) return json.text();
  json.add("created_ns", ns(task.created)).add("started_ns", ns(task.started));
  json.add("finished_ns", ns(task.finished)).add("age_ns", ns(task.age));
  json.add("execution_ns", ns(task.execution)).add("suspended_ns", ns(task.suspended()));
  json.add_json("waits_ns", json_of(task.waits)).add("longest_step_ns", ns(task.longest_step));
  json.add("longest_step_end", to_string(task.longest_step_end));
  return json.text();
}

std::string to_json(const LoopMetrics& loop) {
  JsonObject json;
  json.add("turns", loop.turns).add("tasks_created", loop.tasks_created);
  json.add("tasks_finished", loop.tasks_finished).add("tasks_failed", loop.tasks_failed);
  json.add("tasks_cancelled", loop.tasks_cancelled).add("tasks_alive", loop.tasks_alive());
  json.add("most_ready", loop.most_ready).add("timers_armed", loop.timers_armed);
  json.add("timers_fired", loop.timers_fired).add("io_at_once", loop.io_at_once);
  json.add("io_waits", loop.io_waits).add("posts", loop.posts);
  json.add("slow_steps", loop.slow_steps).add("ready_now", loop.ready_now);
  json.add("timers_pending", loop.timers_pending);
  json.add("descriptors_watched", loop.descriptors_watched);
  json.add("posts_pending", loop.posts_pending);
  if (loop.next_deadline) json.add("next_deadline_ns", ns(*loop.next_deadline));
  json.add("timed", loop.timed);
  if (!loop.timed) return json.text();
  json.add("busy_ns", ns(loop.busy)).add("polling_ns", ns(loop.polling));
  json.add("idle_ns", ns(loop.idle));
  return json.text();
}

std::string to_json(const std::vector<TaskMetrics>& tasks) {
  std::vector<std::string> elements;
  elements.reserve(tasks.size());
  for (const TaskMetrics& task : tasks) elements.push_back(to_json(task));
  return json_array(elements);
}

std::string to_table(const LoopMetrics& loop) {
  std::string text = fmt::format(
      "turns            {}\n"
      "tasks            {} created, {} alive\n"
      "  ended          {} finished, {} failed, {} cancelled\n"
      "most ready       {}\n"
      "timers           {} armed, {} fired\n"
      "socket calls     {} at once, {} had to wait\n"
      "posted           {}, from other threads\n",
      loop.turns, loop.tasks_created, loop.tasks_alive(), loop.tasks_finished, loop.tasks_failed,
      loop.tasks_cancelled, loop.most_ready, loop.timers_armed, loop.timers_fired, loop.io_at_once,
      loop.io_waits, loop.posts);
  if (loop.ready_now + loop.timers_pending + loop.descriptors_watched + loop.posts_pending > 0) {
    text += fmt::format("at the moment    {} ready, {} timers, {} descriptors, {} posts\n",
                        loop.ready_now, loop.timers_pending, loop.descriptors_watched,
                        loop.posts_pending);
  }
  if (loop.slow_steps > 0) text += fmt::format("slow steps       {}\n", loop.slow_steps);
  if (loop.timed) {
    text += fmt::format("time             {} busy, {} polling, {} idle\n", short_time(loop.busy),
                        short_time(loop.polling), short_time(loop.idle));
  }
  return text;
}

std::string to_table(const std::vector<TaskMetrics>& tasks) {
  Row heading{"task", "state", "suspends"};
  const bool timed =
      std::any_of(tasks.begin(), tasks.end(), [](const TaskMetrics& task) { return task.timed; });
  if (timed) {
    heading.insert(heading.end(), {"age", "ran", "waited", "most of it", "longest step", "until"});
  }
  std::vector<Row> rows{heading};
  for (const TaskMetrics& task : tasks) {
    rows.push_back(row_of(task));
    rows.back().resize(heading.size());
  }
  return table(rows);
}

}  // namespace treadle
