// rejected by: RunAll: gives the results in the order of the jobs
// status: wrong
// says: The result of a job stands where the job stood in the list
//
// Each task appends its own result when it ends.
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

template <class T>
Coro<> append(std::vector<T>& results, Coro<T> job) {
  results.push_back(co_await std::move(job));
}

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<T> results;
  std::vector<Task<>> tasks;
  for (Coro<T>& job : jobs) tasks.push_back(loop.create_task(append(results, std::move(job))));
  for (Task<>& task : tasks) co_await task;
  co_return results;
}
