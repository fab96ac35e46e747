// Copies files side by side, and reports what came of it.
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

// Copies one file; throws where that fails.
using Copy = std::function<Coro<>(std::string file)>;

struct Report {
  std::vector<std::string> copied;
  std::vector<std::string> failed;  // the file and the reason: `notes.txt: disk full`
};

// Tries every file, whatever becomes of the others; both lists are in the order of `files`.
Coro<Report> back_up(std::vector<std::string> files, Copy copy) {
  EventLoop& loop = co_await treadle::get_running_loop();
  Report report;
  std::vector<Task<>> tasks;
  for (const std::string& file : files) {
    try {
      tasks.push_back(loop.create_task(copy(file)));
      report.copied.push_back(file);
    } catch (const std::exception& error) {
      report.failed.push_back(file + ": " + error.what());
    }
  }
  // All are under way; wait until the last one is done.
  for (const Task<>& task : tasks) {
    while (!task.done()) co_await treadle::yield_now();
  }
  co_return report;
}
