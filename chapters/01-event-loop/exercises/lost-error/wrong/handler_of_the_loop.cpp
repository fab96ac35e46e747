// rejected by: Backup: a file that failed is reported, with the reason
// status: wrong
// says: where does its error come out
//
// Takes over the exception handler: it is told when the last handle has gone, and knows no file.
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
  loop.set_exception_handler([&report](const treadle::ErrorContext& context) {
    report.failed.push_back(treadle::describe(context));
  });
  std::vector<Task<>> tasks;
  for (const std::string& file : files) {
    tasks.push_back(loop.create_task(copy(file)));
    report.copied.push_back(file);
  }
  for (const Task<>& task : tasks) {
    while (!task.done()) co_await treadle::yield_now();
  }
  tasks.clear();
  loop.set_exception_handler({});
  co_return report;
}
