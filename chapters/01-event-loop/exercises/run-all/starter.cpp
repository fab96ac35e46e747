#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;

// Runs all jobs side by side and gives their results in the order of the list. Throws the error of the
// first job in the list that failed, when all have ended.
template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  std::vector<T> results;
  // TODO: make a task of each job, then wait for each task
  co_return results;
}
