// ticker: says things at their times, like a small cron.
//
//   ticker --for 5s every 2s say hello
//   ticker --for 5s 'every 2s say hello' 'after 3s say done'
//   ticker --for 5s --schedule kitchen.schedule
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <istream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/command_line.hpp"
#include "support/duration.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using namespace treadle;

namespace {

struct Entry {
  bool again = false;  // every 2s, not once after 2s
  Clock::duration delay{};
  std::string words;
};

// Reads `every 2s say hello` or `after 2s say hello`.
Entry parse_entry(const std::string& line) {
  std::istringstream in(line);
  std::string when, delay, verb, words;
  in >> when >> delay >> verb >> std::ws;
  std::getline(in, words);
  if ((when != "every" && when != "after") || verb != "say" || words.empty()) {
    throw std::invalid_argument(
        fmt::format("`{}`: write `every 2s say hello`, or `after 2s say hello` for once", line));
  }
  Entry entry{when == "every", examples::parse_duration(delay), words};
  if (entry.again && entry.delay < 1ms)
    throw std::invalid_argument(fmt::format("`{}`: less than 1ms is no period", line));
  return entry;
}

std::vector<std::string> read_lines(const std::string& name) {
  std::ifstream file(name);
  if (!file) throw std::invalid_argument(fmt::format("{} cannot be read", name));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
  return lines;
}

void say(Clock::duration when, const std::string& words) {
  fmt::print("{:8.3f}s  {}\n", std::chrono::duration<double>(when).count(), words);
  std::fflush(stdout);  // at its time also where stdout is a pipe
}

Coro<> tick(Entry entry, Clock::time_point start, Clock::time_point end) {
  EventLoop& loop = co_await get_running_loop();
  // Each deadline comes from the one before it. Had we slept for `delay` each time, every small
  // lateness would add to the next one, and the ticks would drift.
  for (Clock::time_point due = start + entry.delay; due <= end; due += entry.delay) {
    co_await sleep_until(due);
    say(loop.time() - start, entry.words);
    if (!entry.again) break;
  }
}

void run(const std::vector<std::string>& lines, Clock::duration length) {
  std::vector<Entry> entries;
  entries.reserve(lines.size());
  for (const std::string& line : lines) entries.push_back(parse_entry(line));
  EventLoop loop;
  const Clock::time_point start = loop.time();
  for (Entry& entry : entries) loop.create_task(tick(std::move(entry), start, start + length));
  loop.run_forever();
}

}  // namespace

int main(int argc, char** argv) {
  Clock::duration length = 10s;
  std::string schedule;
  std::vector<std::string> lines;
  examples::CommandLine line("Says things at their times.");
  line.option("--for", length, "how long to go on");
  line.option("--schedule", schedule, "a file with an entry on each line");
  line.arguments("entries", lines, "such as `every 2s say hello`");
  line.parse(argc, argv);
  // `every 2s say hello` without quotes comes as four words.
  if (!lines.empty() && lines[0].find(' ') == std::string::npos)
    lines = {fmt::format("{}", fmt::join(lines, " "))};
  try {
    if (!schedule.empty()) lines = read_lines(schedule);
    if (lines.empty()) throw std::invalid_argument("nothing to say: name a --schedule or entries");
    run(lines, length);
  } catch (const std::invalid_argument& error) {
    examples::exit_with(2, fmt::format("{}.", error.what()));
  }
}
