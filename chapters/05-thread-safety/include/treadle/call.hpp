// call.hpp: a callback that a loop is to run, and the handle that can take it back.
//
// Between the loop, whose turn it comes to, and whoever cancels it from another thread there is a
// race, and it is decided in one place: one atomic word, which goes from waiting to one of two ends
// and never further. Who brings it there has the callback to himself.
//
// Invariants
//   1. The callback is run or destroyed by whoever ends the waiting, once.
//   2. The loop holds one reference for as long as the call is armed, posted or queued; handles
//      hold the others.
//   3. The callback is destroyed when it has run or been cancelled, not when the last handle goes.
//
// Thread safety: cancel() and the counting may be used from any thread; the rest is the loop's.
// Source: asyncio.Handle.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "treadle/errors.hpp"
#include "treadle/ready_queue.hpp"
#include "treadle/ref.hpp"

namespace treadle {

/// What stands behind a Handle, whatever the callback's type. Made with two references: the loop's
/// and the first handle's.
class Call : public Runnable, public RefCounted<Call> {
 public:
  /// See Handle::cancel().
  bool cancel() noexcept;
  bool cancelled() const noexcept { return state_ == State::kCancelled; }

  void run() final;
  void discard() noexcept final;

 protected:
  Call() noexcept : RefCounted(2) {}
  virtual ~Call() = default;

  virtual void call() = 0;
  virtual void destroy_callback() noexcept = 0;

  /// It was cancelled, on whatever thread; it need not lie ready any more.
  virtual void withdraw() noexcept {}

 private:
  friend class RefCounted<Call>;

  enum class State : std::uint8_t { kWaits, kOver, kCancelled };

  bool end_waiting(State how) noexcept;

  std::atomic<State> state_ = State::kWaits;
};

/// `Base` is Call, or what is more than that.
template <class Base, class F>
class CallOf final : public Base {
 public:
  template <class... Args>
  explicit CallOf(F callback, Args&&... args)
      : Base(std::forward<Args>(args)...), callback_(std::move(callback)) {}

 private:
  void call() override {
    F callback = std::move(*callback_);
    callback_.reset();
    std::invoke(std::move(callback));
  }
  void destroy_callback() noexcept override { callback_.reset(); }

  std::optional<F> callback_;
};

/// A handle to a callback that call_soon() was given. Dropping it changes nothing.
class Handle {
 public:
  /// A handle to nothing, to be assigned to.
  Handle() noexcept = default;
  explicit Handle(Ref<Call> call) noexcept : call_(std::move(call)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(call_); }

  /// Takes the callback back: it will not run, and is destroyed with all it captured, here and at
  /// once. False where it is too late for that, because it has run or is running, or where it was
  /// cancelled before. Never waits. From any thread.
  bool cancel() noexcept { return call().cancel(); }

  bool cancelled() const noexcept { return call().cancelled(); }

 protected:
  Call& call() const noexcept {
    precondition(static_cast<bool>(call_),
                 "a Handle or a TimerHandle that is asked for something is a handle to something");
    return *call_;
  }

 private:
  Ref<Call> call_;
};

}  // namespace treadle
