// run_in_thread.hpp: a function that blocks, without blocking the loop.
//
// The job lies in a block of its own and not in the coroutine's frame, because a cancel may take the
// frame away while a thread is at work: nobody can stop a thread in the middle of a system call or of
// a computation. So the task ends, and the thread finishes for nobody.
//
// Invariants
//   1. The function runs at most once, and is destroyed on the thread that ran it. One that never
//      begins is destroyed with the wait for it, or with the pool.
//   2. waits_ is touched by the loop's thread only; it is null where nobody waits any more.
//   3. The job goes home through the inbox; where the loop is closed, its result is dropped.
//
// Thread safety: awaited on a loop, like everything that is awaited.
// Source: asyncio.to_thread; what becomes of a cancelled one is trio's abandon_on_cancel=True.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "treadle/event_loop.hpp"
#include "treadle/thread_pool.hpp"

namespace treadle {

/// Work for a thread, whatever its type: runs in the pool, and then at home. Made with two
/// references: of the one who waits, and the journey's.
class ThreadJob : public Runnable, public RefCounted<ThreadJob> {
 public:
  explicit ThreadJob(Suspension& waits, EventLoop& loop) noexcept
      : RefCounted(2), waits_(&waits), home_(loop.inbox()), loop_(loop) {
    loop.work_started();
  }

  void run() final;
  void discard() noexcept final;

  /// No task waits any more: a job that has not begun never will, and its function is destroyed.
  void abandon() noexcept;

 protected:
  virtual ~ThreadJob() = default;

  virtual void work() noexcept = 0;
  virtual void give_up() noexcept = 0;
  virtual void drop_function() noexcept = 0;
  virtual std::exception_ptr error() const noexcept = 0;

 private:
  friend class RefCounted<ThreadJob>;

  enum class Stage { kQueued, kBegun, kAbandoned };

  void work_if_wanted() noexcept;
  void come_home() noexcept;
  Suspension* end_waiting() noexcept;

  std::atomic<Stage> stage_ = Stage::kQueued;
  bool worked_ = false;   // it is on its way home
  bool gave_up_ = false;  // and has not begun

  // The loop's.
  Suspension* waits_;  // while there is one, the job counts as work of the loop
  const Ref<Inbox> home_;
  EventLoop& loop_;  // not to be touched anywhere but at home
};

template <class F>
class ThreadJobOf final : public ThreadJob {
 public:
  using Value = std::invoke_result_t<F>;

  ThreadJobOf(F f, Suspension& waits, EventLoop& loop) : ThreadJob(waits, loop), f_(std::move(f)) {}

  Result<Value>& result() noexcept { return result_; }

 private:
  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<Value>) {
        std::invoke(std::move(*f_));
        result_.set_value();
      } else {
        result_.set_value(std::invoke(std::move(*f_)));
      }
    } catch (...) {
      result_.set_error(std::current_exception());
    }
    f_.reset();
  }
  void give_up() noexcept override {
    drop_function();
    result_.set_error(std::make_exception_ptr(
        std::runtime_error("the thread pool ended before the job had begun")));
  }
  void drop_function() noexcept override { f_.reset(); }
  std::exception_ptr error() const noexcept override { return result_.error(); }

  std::optional<F> f_;
  Result<Value> result_;
};

/// What run_in_thread() makes.
template <class F>
class [[nodiscard]] RunInThread final : public Suspension {
 public:
  RunInThread(ThreadPool& pool, F f) : pool_(pool), f_(std::move(f)) {}
  RunInThread(const RunInThread&) = delete;
  RunInThread& operator=(const RunInThread&) = delete;
  ~RunInThread() { RunInThread::withdraw(); }

  bool await_ready() const noexcept { return false; }
  template <TreadlePromise P>
  void await_suspend(std::coroutine_handle<P> caller) {
    // One that is to end would leave at once, and a thread might have begun by then.
    if (caller.promise().task().cancel_pending()) return suspend(caller.promise());
    precondition(!begun_, "what run_in_thread() makes is awaited once");
    begun_ = true;
    auto* job = new ThreadJobOf<F>(std::move(f_), *this, EventLoop::of(caller.promise().task()));
    job_ = Ref<ThreadJobOf<F>>::adopt(*job);
    submit(OwnedRunnable(job));  // before suspend(): this one may throw
    suspend(caller.promise());
  }
  typename ThreadJobOf<F>::Value await_resume() {
    const auto job = std::move(job_);
    return job->result().take();
  }

  std::string waits_for() const override { return "a job in a thread"; }
  void withdraw() noexcept override {
    if (const auto job = std::move(job_)) job->abandon();
  }

 private:
  void submit(OwnedRunnable job) {
    try {
      pool_.submit(std::move(job));
    } catch (...) {
      withdraw();  // the task hears of it here and now, and not once more
      throw;
    }
  }

  ThreadPool& pool_;
  F f_;
  bool begun_ = false;
  Ref<ThreadJobOf<F>> job_;
};

/// Runs `f()` in a thread of `pool` and gives its value or throws its error: `co_await
/// run_in_thread([] { return read_all("big.txt"); })`.
///
/// Suspends; the thread that has run it wakes the task through the loop's inbox. Cancelled, the task
/// ends at once. A job that has not begun never runs, and `f` is destroyed with the wait. A job that has
/// begun is left to finish, because no thread can be stopped from outside: its value is dropped, and its
/// error goes to the exception handler, which reports that no task waited for it. `f` must own what it
/// needs, because it may outlive the task and the loop.
template <class F>
RunInThread<F> run_in_thread(F f, ThreadPool& pool = ThreadPool::shared()) {
  return RunInThread<F>(pool, std::move(f));
}

}  // namespace treadle
