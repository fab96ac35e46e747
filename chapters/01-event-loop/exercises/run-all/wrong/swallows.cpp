// rejected by: RunAll: an error is thrown when all jobs have ended
// status: wrong
// says: A job failed, so run_all() fails with its error
//
// Leaves out the results of the jobs that failed, and says nothing.
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<Task<T>> tasks;
  for (Coro<T>& job : jobs) tasks.push_back(loop.create_task(std::move(job)));
  std::vector<T> results;
  for (Task<T>& task : tasks) {
    try {
      results.push_back(co_await std::move(task));
    } catch (...) {
    }
  }
  co_return results;
}
