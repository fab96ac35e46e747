// word_count: counts lines, words and bytes of files, as wc does, with a task for each file.
//
// Each task counts a hundred lines and lets the others go on, so a short file is done early
// however long its neighbours are. `turns: abcbcb` shows who had the thread when; a is the first
// file.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "treadle/event_loop.hpp"

using namespace treadle;

namespace {

constexpr long kLinesPerTurn = 100;
constexpr std::size_t kMostTurnsShown = 60;

struct Counts {
  long lines = 0;
  long words = 0;
  long bytes = 0;
};

long words_in(const std::string& line) {
  std::istringstream words(line);
  long count = 0;
  for (std::string word; words >> word;) ++count;
  return count;
}

void add(Counts& sum, const Counts& more) {
  sum.lines += more.lines;
  sum.words += more.words;
  sum.bytes += more.bytes;
}

// Counts one line; false where there is none.
bool count_line(std::ifstream& file, Counts& counts) {
  std::string line;
  if (!std::getline(file, line)) return false;
  const bool whole = !file.eof();  // the last line of a file may lack its newline
  add(counts, {whole ? 1 : 0, words_in(line), static_cast<long>(line.size()) + (whole ? 1 : 0)});
  return true;
}

// An error of this task comes out where somebody awaits it.
void check_read(const std::ifstream& file, const std::string& name) {
  if (!file.is_open() || file.bad()) throw std::system_error(errno, std::generic_category(), name);
}

Coro<Counts> count(std::string name, char letter, std::string& turns) {
  std::ifstream file(name);
  check_read(file, name);
  Counts counts;
  for (long lines = 0; count_line(file, counts);) {
    if (++lines % kLinesPerTurn != 0) continue;
    turns += letter;
    co_await yield_now();
  }
  check_read(file, name);
  turns += letter;
  co_return counts;
}

void print(const Counts& counts, const std::string& name) {
  fmt::print("{:7} {:7} {:7} {}\n", counts.lines, counts.words, counts.bytes, name);
}

void print_turns(const std::string& turns) {
  const bool all = turns.size() <= kMostTurnsShown;
  fmt::print("turns: {}{}\n", turns.substr(0, kMostTurnsShown),
             all ? "" : fmt::format("... ({})", turns.size()));
}

// Gives the status of the program.
Coro<int> count_all(std::vector<std::string> names) {
  EventLoop& loop = co_await get_running_loop();
  std::string turns;
  std::vector<Task<Counts>> tasks;
  tasks.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    tasks.push_back(loop.create_task(count(names[i], static_cast<char>('a' + i % 26), turns)));

  int status = 0;
  Counts total;
  for (std::size_t i = 0; i < names.size(); ++i) {
    try {
      const Counts& counts = co_await tasks[i];
      print(counts, names[i]);
      add(total, counts);
    } catch (const std::system_error& error) {
      fmt::print(stderr, "word_count: {}\n", error.what());
      status = 1;
    }
  }
  if (names.size() > 1) print(total, "total");
  print_turns(turns);
  co_return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "Name the files to count: word_count FILE...\n");
    return 2;
  }
  EventLoop loop;
  return loop.run_until_complete(count_all({argv + 1, argv + argc}));
}
