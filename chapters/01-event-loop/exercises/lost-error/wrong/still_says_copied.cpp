// rejected by: Backup: a file that failed is not reported as copied
// status: wrong
// says: Nobody can know that a file was copied before its task has ended
//
// Notes the failure where it belongs, and leaves the success where it was.
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
    tasks.push_back(loop.create_task(copy(file)));
    report.copied.push_back(file);
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    try {
      co_await tasks[i];
    } catch (const std::exception& error) {
      report.failed.push_back(files[i] + ": " + error.what());
    }
  }
  co_return report;
}
