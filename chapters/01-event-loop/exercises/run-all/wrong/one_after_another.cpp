// rejected by: RunAll: the jobs run side by side
// status: wrong
// says: Every job is begun before any of them is waited for
//
// Awaits each job as it comes: right results, but the second begins when the first has ended.
#include <exception>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  std::vector<T> results;
  std::exception_ptr first_error;
  for (Coro<T>& job : jobs) {
    try {
      results.push_back(co_await std::move(job));
    } catch (...) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
  co_return results;
}
