// rejected by: RunAll: while it waits, nothing runs
// status: wrong
// says: run_all() must wait too
//
// Looks in each turn whether the jobs are done: never idle, and the loop cannot see that it waits.
#include <exception>
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
  std::exception_ptr first_error;
  for (Task<T>& task : tasks) {
    while (!task.done()) co_await treadle::yield_now();
    try {
      results.push_back(std::move(task).take());
    } catch (...) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
