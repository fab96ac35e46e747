// rejected by: Backup: one failure keeps no other file from being copied
// status: wrong
// says: The report comes when all tasks have ended
//
// One try around the whole loop: the first failure ends the waiting.
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
  std::vector<Task<>> tasks;
  for (const std::string& file : files) tasks.push_back(loop.create_task(copy(file)));
  Report report;
  std::size_t i = 0;
  try {
    for (; i < files.size(); ++i) {
      co_await tasks[i];
      report.copied.push_back(files[i]);
    }
  } catch (const std::exception& error) {
    report.failed.push_back(files[i] + ": " + error.what());
  }
  co_return report;
}
