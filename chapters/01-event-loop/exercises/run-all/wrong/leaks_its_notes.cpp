// rejected by: RunAll: destroyed half-way, it leaves nothing behind
// status: sanitizer
// says: detected memory leaks
//
// Frees its notes at its end, which a coroutine that is destroyed never reaches.
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
  auto* tasks = new std::vector<Task<T>>;
  for (Coro<T>& job : jobs) tasks->push_back(loop.create_task(std::move(job)));
  std::vector<T> results;
  std::exception_ptr first_error;
  for (Task<T>& task : *tasks) {
    try {
      results.push_back(co_await std::move(task));
    } catch (...) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  delete tasks;
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
