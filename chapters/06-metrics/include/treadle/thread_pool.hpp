// thread_pool.hpp: a few threads that do one job after the other.
//
// Some work cannot be awaited: a computation, a call of a library that blocks, a look-up of a name. A
// thread of its own can do it while the loop goes on. Threads are made when there is a job and no
// thread is free for it, up to a limit, and are kept.
//
// A job may end the pool that runs it, if it destroys the pool's last owner or calls exit(). So the
// threads share an object that outlives the pool, until the last of them has ended.
//
// Invariants
//   1. A job is run or discarded, once.
//   2. Workers::free_ is how many threads wait for a job beyond those for which there is one already.
//
// Thread safety: everything may be called from any thread. In a child of fork(2) a pool begins anew:
// the threads and the jobs are its parent's.
// Source: concurrent.futures.ThreadPoolExecutor, and its limit: five more than there are cores, at
// most 32.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "treadle/process.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"

namespace treadle {

class ThreadPool {
 public:
  explicit ThreadPool(std::size_t most_threads = standard_size()) noexcept
      : most_threads_(most_threads) {}
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Waits for the jobs that have begun, except for one that calls this itself; discards the others.
  ~ThreadPool();

  /// Runs `job` in one of the threads. It must not throw. Throws std::system_error if there is no
  /// thread at all and none can be made, InvalidStateError if the pool has ended; then the job is
  /// discarded.
  void submit(OwnedRunnable job);

  /// The pool that is used where no other is named. It ends with the program, after every loop with
  /// static storage; a job that comes later is refused.
  static ThreadPool& shared();

  static std::size_t standard_size() noexcept;

 private:
  class Workers;

  Workers& workers();

  const std::size_t most_threads_;
  std::atomic<Workers*> workers_ = nullptr;  // made for the first job
};

/// What the threads of a pool share. The pool has a reference, and so has each thread.
class ThreadPool::Workers final : public RefCounted<Workers> {
 public:
  explicit Workers(std::size_t most_threads) noexcept
      : RefCounted(1), most_threads_(most_threads) {}

  /// False in a child of fork(2): the threads are not there, and one may have held the mutex.
  bool of_this_process() const noexcept { return process_ == process_number(); }

  void submit(OwnedRunnable job);
  void end() noexcept;

  /// In a child of fork(2): keeps what belongs to the parent in a list. It cannot be destroyed, and a leak
  /// checker would report it otherwise.
  void leave_behind() noexcept;

 private:
  void add_thread();
  void work();
  void count_free() noexcept;

  const std::size_t most_threads_;
  const std::uint32_t process_ = note_process();
  Workers* next_left_behind_ = nullptr;

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
