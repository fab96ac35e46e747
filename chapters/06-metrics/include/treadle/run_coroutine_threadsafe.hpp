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
class ThreadThatWaits final : public Runnable, public RefCounted<ThreadThatWaits> {
 public:
  ThreadThatWaits() noexcept : RefCounted(2) {}

  void run() override { discard(); }
  void discard() noexcept override;

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
bool block_until_done(const AnyTask& task, Ref<ThreadThatWaits>& waiter,
                      std::optional<Clock::time_point> deadline);

/// What a task leaves with one of another loop that it waits for. It runs twice: where that has ended,
/// and then at home, where somebody waits or nobody does any more.
class Traveller final : public Runnable, public RefCounted<Traveller> {
 public:
  /// Made with two references: of the one who waits, and the journey's.
  explicit Traveller(Ref<Inbox> home) noexcept : RefCounted(2), home_(std::move(home)) {}

  void run() override;
  void discard() noexcept override;

  /// True where it comes home to the loop of `inbox`, and nobody waits for it there.
  bool free_for(const Inbox& inbox) const noexcept { return &*home_ == &inbox && join_ == nullptr; }

  /// Wakes `join` when it comes home. Called there, as forget() is.
  void meet(Suspension& join) noexcept { join_ = &join; }

  /// Nobody waits any more.
  void forget() noexcept { join_ = nullptr; }

 private:
  void go_home() noexcept;

  const Ref<Inbox> home_;
  Suspension* join_ = nullptr;  // who waits, or null; touched at home only
  bool under_way_ = false;
};

/// A task that waits for one of another loop. Cancelled, it leaves that alone.
class RemoteJoin : public Suspension {
 public:
  /// `kept` is what was left with the task before, or null, and is where the new one is kept.
  RemoteJoin(AnyTask task, Ref<Traveller>& kept) noexcept : target_(std::move(task)), kept_(kept) {}
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

  AnyTask target_;

 private:
  bool join(PromiseBase& caller);

  Ref<Traveller>& kept_;
  Ref<Traveller> traveller_;  // knows where we are, for as long as we wait
};

/// What run_coroutine_threadsafe() gives: a handle to a task, for those who are not of its loop.
template <class T = void>
class RemoteTask : public AnyTask {
 public:
  /// A handle to nothing, to be assigned to.
  RemoteTask() noexcept = default;
  explicit RemoteTask(Task<T> task) noexcept : AnyTask(std::move(task)) {}

  /// Blocks this thread until the task is done; gives its value or throws its error, CancelledError
  /// where it was cancelled or its loop was closed. Throws InvalidStateError on a thread that runs a
  /// loop, which it would keep from running: await it there.
  T result() && {
    block_until_done(*this, waiter_, std::nullopt);
    return give().take();
  }
  typename Task<T>::View result() const& {
    block_until_done(*this, waiter_, std::nullopt);
    return static_cast<TaskBlockOf<T>&>(seen()).result().get();
  }

  /// The same for no longer than `timeout`: then it throws TimeoutError, and the task goes on. Who
  /// wants it to end cancels it.
  T result(Delay timeout) && {
    block_for(timeout);
    return give().take();
  }
  typename Task<T>::View result(Delay timeout) const& {
    block_for(timeout);
    return static_cast<TaskBlockOf<T>&>(seen()).result().get();
  }

  /// Waits for the end, in a task of any loop. Its loop wakes the waiting one through its inbox.
  auto operator co_await() && { return JoinToTake(std::move(*this), traveller_); }
  auto operator co_await() const& { return JoinToSee(*this, traveller_); }

 private:
  class JoinToTake final : public RemoteJoin {
   public:
    using RemoteJoin::RemoteJoin;
    T await_resume() { return RemoteTask(std::move(target_)).give().take(); }
  };
  class JoinToSee final : public RemoteJoin {
   public:
    using RemoteJoin::RemoteJoin;
    typename Task<T>::View await_resume() {
      return static_cast<TaskBlockOf<T>&>(RemoteTask(target_).seen()).result().get();
    }
  };

  explicit RemoteTask(AnyTask task) noexcept : AnyTask(std::move(task)) {}

  // The handle itself and no second one, so that a value can be moved out.
  Task<T> give() {
    auto& block = static_cast<TaskBlockOf<T>&>(*this->block_.forget());
    return Task<T>(Ref<TaskBlockOf<T>>::adopt(block));
  }
  TaskBlock& seen() const {
    block().mark_retrieved();
    return block();
  }
  void block_for(Delay timeout) const {
    const auto deadline = Clock::later(std::chrono::steady_clock::now(), timeout.in_nanoseconds());
    if (!block_until_done(*this, waiter_, deadline))
      throw TimeoutError(label() + " is not done in time, and goes on");
  }

  // Kept, so that who waits in vain and again leaves but one.
  mutable Ref<ThreadThatWaits> waiter_;
  mutable Ref<Traveller> traveller_;
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
