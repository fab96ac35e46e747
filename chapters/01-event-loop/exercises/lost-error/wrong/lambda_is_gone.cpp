// rejected by: Backup: where all goes well, all files are copied and none failed
// status: sanitizer
// says: AddressSanitizer
//
// Moves try and catch into a coroutine lambda, which dies before its coroutine begins.
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
    tasks.push_back(loop.create_task([&, file]() -> Coro<> {
      try {
        co_await copy(file);
        report.copied.push_back(file);
      } catch (const std::exception& error) {
        report.failed.push_back(file + ": " + error.what());
      }
    }()));
  }
  for (const Task<>& task : tasks) co_await task;
  co_return report;
}
