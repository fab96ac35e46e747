// thread_pool.hpp: a few threads that do one job after the other.
//
// Some work cannot be awaited: a computation, a call of a library that blocks, a look-up of a name. A
// thread of its own can do it while the loop goes on. Threads are made when there is a job and nobody
// free for it, up to a limit, and are kept.
//
// Invariants
//   1. A job is run or discarded, once.
//   2. free_ is how many threads wait for a job beyond those for whom there is one already.
//
// Thread safety: everything may be called from any thread.
// Source: concurrent.futures.ThreadPoolExecutor, and its limit: five more than there are cores, at
// most 32.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "treadle/ready_queue.hpp"

namespace treadle {

class ThreadPool {
 public:
  explicit ThreadPool(std::size_t most_threads = standard_size()) noexcept
      : most_threads_(most_threads) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Waits for the jobs that have begun; discards the others.
  ~ThreadPool();

  /// Runs `job` in one of the threads. It must not throw. Throws std::system_error where there is no
  /// thread at all and none can be made; then the job is discarded.
  void submit(OwnedRunnable job);

  /// The pool that is used where no other is named. It ends with the program.
  static ThreadPool& shared();

  static std::size_t standard_size() noexcept;

 private:
  void work();
  void count_free() noexcept;

  const std::size_t most_threads_;

  // mutex_ must be held to use what follows it.
  std::mutex mutex_;
  std::condition_variable changed_;
  ReadyQueue jobs_;
  std::vector<std::thread> threads_;
  std::size_t waiting_ = 0;
  std::size_t free_ = 0;
  bool ending_ = false;
};

}  // namespace treadle
