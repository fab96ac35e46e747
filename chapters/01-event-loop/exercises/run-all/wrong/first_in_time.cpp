// rejected by: RunAll: of several errors, that of the first job in the list is thrown
// status: wrong
// says: the outcome must not depend on who is quicker
//
// Each task notes its error when it ends, so the quickest failure is the first.
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

template <class T>
Coro<> run_one(std::vector<T>& results, std::size_t i, std::exception_ptr& first_error,
               Coro<T> job) {
  try {
    results[i] = co_await std::move(job);
  } catch (...) {
    if (!first_error) first_error = std::current_exception();
  }
}
template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<T> results(jobs.size());
  std::exception_ptr first_error;
  std::vector<Task<>> tasks;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    tasks.push_back(loop.create_task(run_one(results, i, first_error, std::move(jobs[i]))));
  for (Task<>& task : tasks) co_await task;
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
