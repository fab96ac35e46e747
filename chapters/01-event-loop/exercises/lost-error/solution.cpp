// Copies files side by side, and reports what came of it.
#include <cstddef>
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
  std::vector<Task<>> tasks;
  tasks.reserve(files.size());
  for (const std::string& file : files) tasks.push_back(loop.create_task(copy(file)));

  // To make a task runs nothing of it, so nothing can fail there. What it ended with comes out of
  // the await, and only there can it be caught.
  Report report;
  for (std::size_t i = 0; i < files.size(); ++i) {
    try {
      co_await tasks[i];
      report.copied.push_back(files[i]);
    } catch (const std::exception& error) {
      report.failed.push_back(files[i] + ": " + error.what());
    }
  }
  co_return report;
}
