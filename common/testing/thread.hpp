// thread.hpp: threads that a test starts, and waits for.
//
// A test asserts on its own thread only, as Catch2 demands. So another thread brings back what it found. Where a law needs
// an order ("before", "after", "while it sleeps"), the threads wait for each other: nothing depends on how long anything
// takes.
#pragma once

#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "testing/time_limit.hpp"

namespace treadle::testing {

/// The number by which the kernel knows this thread.
inline long this_thread_number() noexcept { return ::syscall(SYS_gettid); }

/// Returns true while a thread of this process sleeps in the kernel, such as in poll(2) or on a condition variable.
/// `number` is its number, or 0 for as long as it has not begun.
inline bool is_asleep(long number) {
  std::ifstream file("/proc/self/task/" + std::to_string(number) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_ends = text.rfind(") ");  // the state is the field behind the name
  return name_ends != std::string::npos && text[name_ends + 2] == 'S';
}

/// Waits until the thread is asleep. Returns false after the time limit.
inline bool comes_to_sleep(const std::atomic<long>& number) {
  return comes_true([&] { return is_asleep(number); });
}

/// While this lives, the process is like one that has never started a thread, for a loop and for the C++ library. REQUIRES:
/// no other thread is there.
class AsIfNoThreadEver {
 public:
  AsIfNoThreadEver() noexcept : before_(std::exchange(__libc_single_threaded, 1)) {}
  AsIfNoThreadEver(const AsIfNoThreadEver&) = delete;
  AsIfNoThreadEver& operator=(const AsIfNoThreadEver&) = delete;
  ~AsIfNoThreadEver() { __libc_single_threaded = before_; }

 private:
  const char before_;
};

/// A thread that is joined before this goes.
class Thread {
 public:
  template <class F>
  explicit Thread(F f)
      : number_(std::make_shared<std::atomic<long>>(0)),
        thread_([number = number_, f = std::move(f)]() mutable {
          *number = this_thread_number();
          f();
        }) {}
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  /// Waits until the thread has ended. Does nothing if that was done before.
  void join() {
    if (!joined()) thread_.join();
  }

  bool joined() const noexcept { return !thread_.joinable(); }

  /// Its number; 0 for as long as it has not begun.
  const std::atomic<long>& number() const noexcept { return *number_; }

 private:
  const std::shared_ptr<std::atomic<long>> number_;
  std::thread thread_;
};

/// Does `f()` in another thread, waits for it, and gives its value or throws its error.
template <class F>
auto in_thread(F f) -> std::invoke_result_t<F> {
  std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
  auto result = task.get_future();
  Thread(std::move(task)).join();
  return result.get();
}

/// Threads that are joined before this goes. What one of them throws is thrown by join().
class Threads {
 public:
  Threads() = default;
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

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
    threads_.clear();
    for (auto& result : std::exchange(results_, {})) result.get();
  }

 private:
  std::vector<std::future<void>> results_;
  std::deque<Thread> threads_;
};

}  // namespace treadle::testing
