#include "treadle/thread_pool.hpp"

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "treadle/errors.hpp"
#include "treadle/system.hpp"

namespace treadle {

std::size_t ThreadPool::standard_size() noexcept {
  return std::min<std::size_t>(std::thread::hardware_concurrency() + 5, 32);
}

ThreadPool& ThreadPool::shared() {
  // Ended at exit, and never destroyed: a destructor that comes later finds a pool that refuses.
  union Storage {
    ThreadPool pool;
    Storage() noexcept : pool() {}
    ~Storage() {}
  };
  static Storage storage;
  static const struct AtExit {
    ~AtExit() { storage.pool.workers().end(); }
  } at_exit;
  return storage.pool;
}

ThreadPool::~ThreadPool() {
  Workers* const workers = workers_;
  if (workers == nullptr) return;
  if (workers->of_this_process()) {
    workers->end();
    workers->release();
  } else {
    workers->leave_behind();
  }
}

void ThreadPool::submit(OwnedRunnable job) { workers().submit(std::move(job)); }

ThreadPool::Workers& ThreadPool::workers() {
  Workers* present = workers_.load();
  if (present != nullptr && present->of_this_process()) return *present;
  Workers* const before = present;
  auto* made = new Workers(most_threads_);
  if (!workers_.compare_exchange_strong(present, made)) {
    made->release();  // another thread was quicker
    return *present;
  }
  if (before != nullptr) before->leave_behind();
  return *made;
}

void ThreadPool::Workers::submit(OwnedRunnable job) {
  const std::lock_guard lock(mutex_);
  if (ending_) throw InvalidStateError("the thread pool has ended");
  if (free_ == 0 && threads_.size() < most_threads_) add_thread();
  jobs_.push(*job.release());
  count_free();
  changed_.notify_one();
}

void ThreadPool::Workers::add_thread() {
  try {
    note_thread();
    threads_.reserve(threads_.size() + 1);  // first: a thread that runs must have its place
    threads_.push_back(
        System::current().start_thread([self = Ref<Workers>(*this)] { self->work(); }));
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;  // else those that there are must do
  }
}

void ThreadPool::Workers::end() noexcept {
  std::unique_lock lock(mutex_);
  ending_ = true;
  changed_.notify_all();
  auto threads = std::exchange(threads_, {});
  lock.unlock();
  for (std::thread& thread : threads) {
    // One of them has got here by its job, and cannot wait for itself.
    const bool is_this_one = thread.get_id() == std::this_thread::get_id();
    is_this_one ? thread.detach() : thread.join();
  }
  while (!jobs_.empty()) jobs_.pop().discard();
}

void ThreadPool::Workers::leave_behind() noexcept {
  static std::atomic<Workers*> all = nullptr;
  next_left_behind_ = all.exchange(this);
}

void ThreadPool::Workers::work() {
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

// A thread for which there is a job does not wait any more, although it has not noticed yet.
void ThreadPool::Workers::count_free() noexcept {
  free_ = waiting_ > jobs_.size() ? waiting_ - jobs_.size() : 0;
}

}  // namespace treadle
