// rejected by: Backup: the files are copied side by side
// status: wrong
// says: they must not stand in a line
//
// The try stands around the await, but there are no tasks any more.
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
  Report report;
  for (const std::string& file : files) {
    try {
      co_await copy(file);
      report.copied.push_back(file);
    } catch (const std::exception& error) {
      report.failed.push_back(file + ": " + error.what());
    }
  }
  co_return report;
}
