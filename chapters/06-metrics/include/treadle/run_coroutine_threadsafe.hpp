// run_coroutine_threadsafe.hpp: a task of one loop, for those who wait for it elsewhere.
//
// A task is awaited by tasks of its own loop. There are two others who want to know how it ends: a
// thread that runs no loop, and can block; and a task of another loop, which must not. Both leave
// something with the task that is run in the step that ends it: a done callback would need one turn
// more, and the loop may not have one. That of the thread wakes the thread; that of the other loop's
// task travels: it goes from the loop where the task has ended into the other loop's inbox, and wakes
// its own task when it gets its turn.
//
// What has been left with a task stays there until the task ends, as only its own loop could take it
// away. So the handle keeps it, and who gave up waiting and waits again leaves no second one.
//
// Thread safety: all of it may be used from any thread, each handle by one at a time.
// Source: asyncio.run_coroutine_threadsafe, and asyncio.wrap_future for awaiting it.
#pragma once

#include <concepts>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "treadle/event_loop.hpp"

namespace treadle {

/// A thread that blocks until a task is done, or several. Made with two references, as the task knows
/// it and the handle that the thread blocks on.
class BlockingWaiter final : public Completion, public RefCounted<BlockingWaiter> {
 public:
  BlockingWaiter() noexcept : RefCounted(2) {}

  void on_done(TaskBlock& task) noexcept override;

  /// Blocks until the task is done; false where `deadline` comes first.
  bool block_until(std::optional<Clock::time_point> deadline);

 private:
  // mutex_ must be held to use what follows it.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

/// Blocks this thread until `task` is done; false where `deadline` comes first. `waiter` is null, or
/// what this has left with the task before. Throws InvalidStateError on a thread that runs a loop.
bool block_until_done(const AnyTask& task, Ref<BlockingWaiter>& waiter,
                      std::optional<Clock::time_point> deadline);

/// Wakes a task of one loop when a task of another is done: told there, it posts itself home, and wakes
/// what waits when it runs.
class CrossLoopWaker final : public Completion, public Runnable, public RefCounted<CrossLoopWaker> {
 public:
  /// Made with two references: of the task that waits, and of the list that it is put in.
  explicit CrossLoopWaker(Ref<Inbox> home) noexcept : RefCounted(2), home_(std::move(home)) {}

  void on_done(TaskBlock& task) noexcept override;
  void run() override;
  void discard() noexcept override { release(); }

  /// True if it comes home to the loop of `inbox`, and no task waits for it there.
  bool reusable_for(const Inbox& inbox) const noexcept {
    return &*home_ == &inbox && join_ == nullptr;
  }

  /// Wakes `join` when it comes home. Called there, as disarm() is.
  void arm(Suspension& join) noexcept { join_ = &join; }

  /// No task waits any more.
  void disarm() noexcept { join_ = nullptr; }

 private:
  const Ref<Inbox> home_;
  Suspension* join_ = nullptr;  // what waits, or null; touched at home only
};

/// A task that waits for one of another loop. Cancelled, it leaves that alone.
class RemoteJoin : public Suspension {
 public:
  /// `kept` is what was left with the task before, or null, and is where the new one is kept.
  RemoteJoin(TaskBlock& target, Ref<CrossLoopWaker>& kept) noexcept
      : target_(target), kept_(kept) {}
  RemoteJoin(const RemoteJoin&) = delete;
  RemoteJoin& operator=(const RemoteJoin&) = delete;

  bool await_ready() const noexcept { return false; }

  /// False, to go on at once, where the task is done already.
  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    return join(caller.promise());
  }

  std::string waits_for() const override { return target_.label() + " of another loop"; }
  WaitReason reason() const noexcept override { return WaitReason::kJoin; }
  void withdraw() noexcept override;

 protected:
  ~RemoteJoin() { withdraw(); }

  TaskBlock& target_;

 private:
  bool join(PromiseBase& caller);

  Ref<CrossLoopWaker>& kept_;
  Ref<CrossLoopWaker> waker_;  // knows where we are, for as long as we wait
  EventLoop* loop_ = nullptr;  // for which the other loop works meanwhile
};

/// What run_coroutine_threadsafe() gives: a handle to a task, for threads and loops that are not its own.
/// It owns the ending, as a Task does.
template <class T = void>
class RemoteTask : public TaskHandle<TaskBlockOf<T>> {
  using Handle = TaskHandle<TaskBlockOf<T>>;

 public:
  /// A handle to nothing, to be assigned to.
  RemoteTask() noexcept = default;
  explicit RemoteTask(const Task<T>& task) noexcept : Handle(Ref<TaskBlockOf<T>>(task.block())) {}

  using Handle::block;

  /// Blocks this thread until the task is done; gives its value or throws its error, CancelledError
  /// if it was cancelled or its loop was closed. Throws InvalidStateError on a thread that runs a
  /// loop, which it would keep from running: await it there.
  T result() && {
    block_until_done(*this, waiter_, std::nullopt);
    return std::move(*this).give().take();
  }
  typename Task<T>::View result() const& {
    block_until_done(*this, waiter_, std::nullopt);
    return view(block());
  }

  /// The same for no longer than `timeout`: then it throws TimeoutError, and the task goes on. To end
  /// it, cancel it.
  T result(Delay timeout) && {
    block_for(timeout);
    return std::move(*this).give().take();
  }
  typename Task<T>::View result(Delay timeout) const& {
    block_for(timeout);
    return view(block());
  }

  /// Waits for the end, in a task of any loop. Its loop wakes the waiting one through its inbox.
  auto operator co_await() && { return JoinToTake(std::move(*this), waker_); }
  auto operator co_await() const& { return JoinToSee(*this, waker_); }

  /// See AnyTask::add_done_callback(). It runs on the thread of the task's loop.
  template <DoneFunction<AnyTask> F>
  void add_done_callback(F f, std::source_location where = std::source_location::current()) const {
    AnyTask(*this).add_done_callback(std::move(f), where);
  }

 private:
  /// Waits with a handle of its own.
  class JoinWithHandle : public RemoteJoin {
   public:
    JoinWithHandle(RemoteTask task, Ref<CrossLoopWaker>& kept) noexcept
        : RemoteJoin(task.block(), kept), task_(std::move(task)) {}

   protected:
    ~JoinWithHandle() = default;

    RemoteTask task_;
  };
  class JoinToTake final : public JoinWithHandle {
   public:
    using JoinWithHandle::JoinWithHandle;
    T await_resume() { return std::move(this->task_).give().take(); }
  };
  class JoinToSee final : public JoinWithHandle {
   public:
    using JoinWithHandle::JoinWithHandle;
    typename Task<T>::View await_resume() { return view(this->task_.block()); }
  };

  // The handle itself and no second one, so that a value can be moved out.
  Task<T> give() && { return Task<T>(std::move(this->block_)); }

  static typename Task<T>::View view(TaskBlockOf<T>& task) {
    task.mark_retrieved();
    return task.result().get();
  }
  void block_for(Delay timeout) const {
    const auto deadline = Clock::later(SteadyClock::instance().now(), timeout.in_nanoseconds());
    if (!block_until_done(*this, waiter_, deadline))
      throw TimeoutError(this->label() + " is not done in time, and goes on");
  }

  // Kept, so that to wait in vain and again leaves but one.
  mutable Ref<BlockingWaiter> waiter_;
  mutable Ref<CrossLoopWaker> waker_;
};

/// Makes a task of `coro` on `loop`, which may run in another thread, and gives a handle to block on
/// or to await. `name` and `where` as for create_task(). Throws LoopClosedError where the loop is
/// closed.
template <class T>
RemoteTask<T> run_coroutine_threadsafe(
    ThreadSafeEventLoop& loop, Coro<T> coro, std::string_view name = {},
    std::source_location where = std::source_location::current()) {
  return RemoteTask<T>(loop.create_task(std::move(coro), name, where));
}

}  // namespace treadle
