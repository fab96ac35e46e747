// rejected by: RunAll: gives the results in the order of the jobs
// status: wrong
// says: The result of a job stands where the job stood in the list
//
// As many results as jobs, and nothing behind them.
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

using treadle::Coro;

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  co_return std::vector<T>(jobs.size());
}
