// report.hpp: figures in print, as JSON for programs and as tables for people.
//
// Of all that the runtime is made of, nothing includes this. A program that prints no figures does
// not compile it, and a program that wants another format writes one beside it: metrics are plain values.
//
// Thread safety: functions of values.
#pragma once

#include <string>
#include <vector>

#include "treadle/metrics.hpp"
#include "treadle/text.hpp"

namespace treadle {

/// An object on one line; times in nanoseconds, under names that end in `_ns`.
std::string to_json(const TaskMetrics& metrics);
std::string to_json(const LoopMetrics& metrics);

/// An array of such objects.
std::string to_json(const std::vector<TaskMetrics>& tasks);

/// A line a number.
std::string to_table(const LoopMetrics& metrics);

/// A line a task, below a line of headings.
std::string to_table(const std::vector<TaskMetrics>& tasks);

}  // namespace treadle
