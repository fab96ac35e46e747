// rejected by: RunAll: gives the results in the order of the jobs
// status: sanitizer
// says: AddressSanitizer
//
// Hands the number of the job on by reference: the tasks begin when the loop that counts has ended.
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;

template <class T>
Coro<> put_result(std::vector<T>& results, const std::size_t& number, Coro<T> job) {
  results[number] = co_await std::move(job);
}

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<T> results(jobs.size());
  std::vector<Task<>> tasks;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    tasks.push_back(loop.create_task(put_result(results, i, std::move(jobs[i]))));
  }
  std::exception_ptr first_error;
  for (Task<>& task : tasks) {
    try {
      co_await task;
    } catch (...) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
