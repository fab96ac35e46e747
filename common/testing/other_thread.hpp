// other_thread.hpp: a second thread, and a loop that runs in one.
//
// A test asserts on its own thread only, as Catch2 asks. So the other thread brings back what it found, and a law about
// "before" and "after" is kept by waiting for one another, never by sleeping.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"

namespace treadle::testing {

/// Does `f()` in another thread, waits for it, and gives its value or throws its error.
template <class F>
auto in_thread(F f) -> std::invoke_result_t<F> {
  std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
  auto result = task.get_future();
  std::thread(std::move(task)).join();
  return result.get();
}

/// Threads that are joined before this goes. What one of them throws is thrown by join().
class Threads {
 public:
  Threads() = default;
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    for (std::thread& thread : threads_) thread.join();
  }

  template <class F>
  void start(F f) {
    std::packaged_task<void()> task(std::move(f));
    results_.push_back(task.get_future());
    threads_.emplace_back(std::move(task));
  }

  /// Starts `f(0)` to `f(count - 1)`, which begin together, when all of the threads are there.
  template <class F>
  void start_together(int count, F f) {
    auto missing = std::make_shared<std::atomic<int>>(count);
    for (int i = 0; i < count; ++i) {
      start([i, f, missing] {
        --*missing;
        while (*missing > 0) std::this_thread::yield();
        f(i);
      });
    }
  }

  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    for (auto& result : std::exchange(results_, {})) result.get();
  }

 private:
  std::vector<std::thread> threads_;
  std::vector<std::future<void>> results_;
};

/// A loop that a thread of its own runs for as long as this lives. It sleeps until somebody brings it something: the
/// test's own thread is there, so it does not believe that nobody is left.
class LoopInThread {
 public:
  LoopInThread() : thread_([this] { run(); }) {
    while (!loop.is_running()) std::this_thread::yield();
  }
  LoopInThread(const LoopInThread&) = delete;
  LoopInThread& operator=(const LoopInThread&) = delete;
  ~LoopInThread() { end(); }

  /// The loop does not run any more, and is not closed.
  void end() {
    if (!thread_.joinable()) return;
    loop.stop();
    thread_.join();
  }

  EventLoop loop;

 private:
  void run() { loop.run_forever(); }

  std::thread thread_;
};

/// Waits until `holds()`, which another thread is to bring about; false where that takes longer than a test may.
template <class F>
bool comes_true(F holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace treadle::testing
