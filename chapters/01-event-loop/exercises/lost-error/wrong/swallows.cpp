// rejected by: Backup: a file that failed is reported, with the reason
// status: wrong
// says: where does its error come out
//
// Thinks that failures were noted above, and silences what comes out of the await.
#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

using Copy = std::function<Coro<>(std::string file)>;

struct Report {
  std::vector<std::string> copied;
  std::vector<std::string> failed;
};

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
  for (const Task<>& task : tasks) {
    try {
      co_await task;
    } catch (...) {
    }
  }
  co_return report;
}
