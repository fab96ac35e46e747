#include <exception>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

// Runs all jobs side by side and gives their results in the order of the list. Throws the error of the
// first job in the list that failed, when all have ended.
template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<Task<T>> tasks;
  for (Coro<T>& job : jobs) tasks.push_back(loop.create_task(std::move(job)));

  std::vector<T> results;
  std::exception_ptr first_error;
  for (Task<T>& task : tasks) {
    try {
      results.push_back(co_await std::move(task));
    } catch (...) {
      // Not thrown on yet: the tasks behind this one may still run, and their errors would be lost.
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
