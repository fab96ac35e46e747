// rejected by: RunAll: of several errors, that of the first job in the list is thrown
// status: wrong
// says: the exception handler must not hear of one that nobody awaited
//
// Waits for all, but after the first error no longer looks at how the others ended.
#include <exception>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

template <class T>
Coro<> ended(Task<T> task, int& left) {
  while (!task.done()) co_await treadle::yield_now();
  --left;
}

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<Task<T>> tasks;
  for (Coro<T>& job : jobs) tasks.push_back(loop.create_task(std::move(job)));
  int left = static_cast<int>(tasks.size());
  for (Task<T>& task : tasks) co_await ended(task, left);
  std::vector<T> results;
  for (Task<T>& task : tasks) results.push_back(std::move(task).take());
  co_return results;
}
