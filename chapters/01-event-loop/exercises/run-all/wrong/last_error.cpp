// rejected by: RunAll: of several errors, that of the first job in the list is thrown
// status: wrong
// says: b comes first in the list
//
// Keeps each error over the one before it.
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
  std::exception_ptr error;
  for (Task<T>& task : tasks) {
    try {
      results.push_back(co_await std::move(task));
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
  co_return results;
}
