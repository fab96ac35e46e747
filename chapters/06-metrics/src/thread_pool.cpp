#include "treadle/thread_pool.hpp"

#include <algorithm>
#include <system_error>

#include "treadle/threads.hpp"

namespace treadle {

std::size_t ThreadPool::standard_size() noexcept {
  return std::min<std::size_t>(std::thread::hardware_concurrency() + 5, 32);
}

ThreadPool& ThreadPool::shared() {
  static ThreadPool pool;
  return pool;
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  while (!jobs_.empty()) jobs_.pop().discard();
}

void ThreadPool::submit(OwnedRunnable job) {
  const std::lock_guard lock(mutex_);
  if (free_ == 0 && threads_.size() < most_threads_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      if (threads_.empty()) throw;  // else those that there are must do
    }
  }
  jobs_.push(*job.release());
  count_free();
  changed_.notify_one();
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++waiting_;
    count_free();
    changed_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    --waiting_;
    count_free();
    if (ending_) return;
    Runnable& job = jobs_.pop();
    lock.unlock();
    job.run();
    lock.lock();
  }
}

// A thread for whom there is a job does not wait any more, although it has not noticed yet.
void ThreadPool::count_free() noexcept {
  const std::size_t before = free_;
  free_ = waiting_ > jobs_.size() ? waiting_ - jobs_.size() : 0;
  note_waiting_for_work(static_cast<std::ptrdiff_t>(free_) - static_cast<std::ptrdiff_t>(before));
}

}  // namespace treadle
