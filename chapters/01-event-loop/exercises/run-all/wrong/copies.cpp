// rejected by: RunAll: results are moved, not copied
// status: wrong
// says: Whose is the last handle to its task
//
// Awaits a handle that stays: it gives a reference into the task, and the vector takes a copy.
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
  for (const Task<T>& task : tasks) {
    try {
      results.push_back(co_await task);
    } catch (...) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
