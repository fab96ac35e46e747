// rejected by: Backup: a file that failed is reported, with the reason
// status: wrong
// says: where does its error come out
//
// Copies nothing, and says that all is well.
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

Coro<Report> back_up(std::vector<std::string> files, Copy) {
  Report report;
  report.copied = files;
  co_return report;
}
