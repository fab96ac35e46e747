// bare.hpp: the floor: std::coroutine_handle, a ring of handles, and nothing else.
//
// No errors, no cancellation, no checks, no ownership beyond the frame: this is what the machine and the compiler
// charge for coroutines, and what every runtime adds to. Frames come from malloc, as they do by default.
#pragma once

#include <bench.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

namespace bare {

// A FIFO of handles in a ring whose size is a power of two.
class Queue {
 public:
  void push(std::coroutine_handle<> handle) {
    if (size_ == ring_.size()) grow();
    ring_[(head_ + size_++) & (ring_.size() - 1)] = handle;
  }
  std::coroutine_handle<> pop() {
    auto const handle = ring_[head_];
    head_ = (head_ + 1) & (ring_.size() - 1);
    --size_;
    return handle;
  }
  bool empty() const { return size_ == 0; }

 private:
  void grow() {
    std::vector<std::coroutine_handle<>> larger(ring_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = ring_[(head_ + i) & (ring_.size() - 1)];
    ring_ = std::move(larger);
    head_ = 0;
  }

  std::vector<std::coroutine_handle<>> ring_ = std::vector<std::coroutine_handle<>>(16);
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

inline Queue ready;

inline void run_ready() {
  while (!ready.empty()) ready.pop().resume();
}

// A lazy coroutine with one awaiter. Awaiting it starts it unless it was put into the ring before.
class Coro {
 public:
  struct promise_type {
    std::coroutine_handle<> awaiter = std::noop_coroutine();
    std::size_t value = 0;
    bool started = false;
    bool done = false;

    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
        self.promise().done = true;
        return self.promise().awaiter;
      }
      void await_resume() noexcept {}
    };
    Coro get_return_object() {
      return Coro(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    Final final_suspend() noexcept { return {}; }
    void return_value(std::size_t v) noexcept { value = v; }
    void unhandled_exception() { std::terminate(); }
  };

  explicit Coro(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Coro(Coro&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Coro& operator=(Coro&&) = delete;
  ~Coro() {
    if (handle_) handle_.destroy();
  }

  void spawn() {
    handle_.promise().started = true;
    ready.push(handle_);
  }
  bool await_ready() const noexcept { return handle_.promise().done; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().awaiter = awaiter;
    if (handle_.promise().started) return std::noop_coroutine();
    return handle_;
  }
  std::size_t await_resume() const noexcept { return handle_.promise().value; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

struct Yield {
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) { ready.push(handle); }
  void await_resume() noexcept {}
};

[[gnu::noinline]] inline Coro leaf(std::size_t x) { co_return x + 1; }

inline void run(Coro main) {
  main.spawn();
  run_ready();
}

}  // namespace bare
