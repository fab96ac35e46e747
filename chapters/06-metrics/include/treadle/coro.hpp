// coro.hpp: Coro<T>, a function that can pause, and the machinery that C++ asks for behind it.
//
// A Coro is lazy: calling the function builds its frame and runs none of its body. Awaiting it
// runs it, and its value or its error comes out of the co_await as from a call. An await between
// Coros hands the thread straight over (symmetric transfer) and never passes through the loop: a
// loop sees tasks, not calls.
//
// Frames in a chain know each other. Upwards, each promise holds the promise that awaits it,
// which is where its end goes; and all of them know the task they run for. That one link is
// enough to resume, to tear down, and to tell a reader where a task stands.
//
// What a body awaits passes through await_transform(), which puts one question behind every wait:
// was the task cancelled meanwhile? So a cancel comes out of each co_await of each coroutine, and
// no awaiter can forget it. And it notes the line, for whoever asks where the task stands.
//
// Invariants
//   1. A frame has exactly one owner, a Frame object, and its promise knows where that is.
//   2. A frame that is awaited is owned by the awaiter in its parent's frame: a chain is
//      destroyed as a whole.
//   3. promise.task_ is set before the first line of the body runs, and never changes.
//
// Thread safety: none. A chain is touched by the thread that runs its task.
// Source: C++20 [dcl.fct.def.coroutine]; symmetric transfer is P0913, the shape is Lewis Baker's
// cppcoro::task.
#pragma once

#include "treadle/errors.hpp"  // first, because it tells what the compiler lacks

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include "treadle/recycle.hpp"
#include "treadle/result.hpp"

namespace treadle {

class Frame;
class TaskBlock;
class PromiseBase;

template <class T>
class Coro;

/// The awaiter of something that is awaited: what its `operator co_await` gives, the member or else
/// the free one, or else itself.
template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
  if constexpr (requires { static_cast<A&&>(awaitable).operator co_await(); }) {
    return static_cast<A&&>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(static_cast<A&&>(awaitable)); }) {
    return operator co_await(static_cast<A&&>(awaitable));
  } else {
    return static_cast<A&&>(awaitable);
  }
}

/// An awaiter as our coroutines await it: where the task was cancelled while it waited there,
/// CancelledError comes out instead of a result.
template <class A>
class CancellationPoint {
  using Awaiter = decltype(awaiter_of(std::declval<A>()));

 public:
  CancellationPoint(A&& awaitable, PromiseBase& promise)
      : awaiter_(awaiter_of(static_cast<A&&>(awaitable))), promise_(promise) {}

  bool await_ready() { return awaiter_.await_ready(); }
  template <class P>
  auto await_suspend(std::coroutine_handle<P> caller) {
    return awaiter_.await_suspend(caller);
  }
  decltype(auto) await_resume();

 private:
  Awaiter awaiter_;  // a reference, where what is awaited is an awaiter itself
  PromiseBase& promise_;
};

/// What every promise has, whatever its coroutine returns.
class PromiseBase {
 public:
  /// The frame around the promise is made of recycled memory.
  static void* operator new(std::size_t size) { return take_recycled(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    give_back_recycled(frame, size);
  }

  /// The body waits until somebody awaits the Coro or a loop takes it as a task.
  std::suspend_always initial_suspend() const noexcept { return {}; }

  /// Hands the thread to whoever awaits this coroutine, and where nobody does (the first of a
  /// task) to the loop.
  auto final_suspend() const noexcept {
    struct FinalAwaiter {
      PromiseBase* awaiter;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
        return awaiter ? awaiter->handle_ : std::noop_coroutine();
      }
      void await_resume() const noexcept {}
    };
    return FinalAwaiter{awaiter_};
  }

  /// Everything that is awaited can be cancelled there. A Coro needs no question of its own: it is
  /// asked at whatever it awaits itself. `where` is the place of the co_await.
  template <class A>
  auto await_transform(A&& awaitable,
                       std::source_location where = std::source_location::current()) {
    where_ = where;
    return CancellationPoint<A>(static_cast<A&&>(awaitable), *this);
  }
  template <class T>
  auto await_transform(Coro<T>&& coro,
                       std::source_location where = std::source_location::current()) noexcept {
    where_ = where;
    return std::move(coro).operator co_await();
  }
  template <class T>
  void await_transform(Coro<T>& coro) = delete;  // a named one: `co_await std::move(coro)`

  /// The co_await that the body came to last; before the first the place of the body itself.
  const std::source_location& where() const noexcept { return where_; }

  /// What this coroutine awaits was withdrawn: CancelledError comes out of its co_await.
  void interrupt() noexcept { interrupted_ = true; }
  bool interrupted() const noexcept { return interrupted_; }

  /// The CancelledError that the task was asked for, to be thrown. REQUIRES: interrupted().
  CancelledError take_cancel() noexcept;

  /// The task this coroutine runs for. REQUIRES: its body has begun.
  TaskBlock& task() const noexcept { return *task_; }

  /// The promise of the coroutine that awaits this one; null for the first of a task.
  PromiseBase* awaiter() const noexcept { return awaiter_; }

  std::coroutine_handle<> handle() const noexcept { return handle_; }

  /// This coroutine begins to run for `task`, as its first.
  void start_for(TaskBlock& task) noexcept { task_ = &task; }

  /// This coroutine begins to run because the one behind `awaiter` awaits it.
  void start_for(PromiseBase& awaiter) noexcept {
    awaiter_ = &awaiter;
    task_ = awaiter.task_;
  }

 protected:
  explicit PromiseBase(std::coroutine_handle<> handle) noexcept : handle_(handle) {}
  void begins_at(const std::source_location& body) noexcept { where_ = body; }

  /// The error that is being handled and leaves the body. The task notes where that was.
  std::exception_ptr leaving_error() const noexcept;

  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;
  ~PromiseBase() = default;

 private:
  friend class Frame;

  std::coroutine_handle<> handle_;  // this coroutine
  PromiseBase* awaiter_ = nullptr;  // who is resumed when it ends
  TaskBlock* task_ = nullptr;       // what it runs for
  Frame* owner_ = nullptr;          // who destroys it
  std::source_location where_;      // where it stands
  bool interrupted_ = false;        // it goes on with CancelledError
};

template <class A>
decltype(auto) CancellationPoint<A>::await_resume() {
  // Thrown here and nowhere deeper: each frame between the throw and the catch costs thousands of
  // instructions, and one more for each local that has a destructor.
  if (promise_.interrupted()) [[unlikely]]
    throw promise_.take_cancel();
  return awaiter_.await_resume();
}

/// A coroutine of ours, as opposed to one of another library: what our awaiters may be awaited
/// from.
template <class P>
concept TreadlePromise = std::derived_from<P, PromiseBase>;

/// The one owner of a coroutine frame.
class Frame {
 public:
  Frame() noexcept = default;
  explicit Frame(PromiseBase& promise) noexcept : promise_(&promise) { promise.owner_ = this; }
  Frame(Frame&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) { claim(); }
  Frame& operator=(Frame&& other) noexcept {
    if (this != &other) {
      reset();
      promise_ = std::exchange(other.promise_, nullptr);
      claim();
    }
    return *this;
  }
  ~Frame() { reset(); }

  PromiseBase* promise() const noexcept { return promise_; }
  bool done() const noexcept { return promise_->handle_.done(); }

  /// Destroys the coroutine, if there is one. REQUIRES: it is not running.
  void reset() noexcept {
    if (auto* promise = std::exchange(promise_, nullptr)) promise->handle_.destroy();
  }

  /// Destroys a chain of coroutines that is suspended at `innermost`, from there outwards: the
  /// order in which an exception would unwind it.
  static void destroy_chain(PromiseBase* innermost) noexcept;

 private:
  void claim() noexcept {
    if (promise_ != nullptr) promise_->owner_ = this;
  }

  PromiseBase* promise_ = nullptr;
};

/// What a Coro<T> may `co_return`: what becomes a T by itself, as after `return`. A reference takes
/// only what outlives the expression, so no temporary.
template <class U, class T>
concept ResultFor = std::convertible_to<U, T> &&
    (!std::is_reference_v<T> || std::is_lvalue_reference_v<U>);

/// The promise of a Coro<T>: PromiseBase and a place for the ending.
template <class T>
class Promise final : public PromiseBase {
 public:
  Promise() noexcept : PromiseBase(std::coroutine_handle<Promise>::from_promise(*this)) {}

  Coro<T> get_return_object(std::source_location body = std::source_location::current()) noexcept {
    begins_at(body);
    return Coro<T>(*this);
  }
  void unhandled_exception() noexcept { result_.set_error(leaving_error()); }

  /// `co_return value`.
  template <ResultFor<T> U = T>
  void return_value(U&& value) {
    result_.set_value(std::forward<U>(value));
  }

  Result<T>& result() noexcept { return result_; }

 private:
  Result<T> result_;
};

/// The same for a coroutine without a value. The language does not allow both return functions in
/// one class.
template <>
class Promise<void> final : public PromiseBase {
 public:
  Promise() noexcept : PromiseBase(std::coroutine_handle<Promise>::from_promise(*this)) {}

  Coro<void> get_return_object(
      std::source_location body = std::source_location::current()) noexcept;
  void unhandled_exception() noexcept { result_.set_error(leaving_error()); }
  void return_void() noexcept { result_.set_value(); }

  Result<void>& result() noexcept { return result_; }

 private:
  Result<void> result_;
};

/// A lazy coroutine that ends with a T: `Coro<int> f() { co_return 42; }`.
///
/// It runs when it is awaited (`int n = co_await f();`, from another Coro, once) or when a loop
/// makes a task of it. Destroyed before that, its arguments are destroyed and its body has never
/// run.
///
/// Parameters live in the frame as they are declared: take them by value, for a reference may be
/// dead when the body runs at last.
template <class T = void>
class [[nodiscard]] Coro {
 public:
  using promise_type = Promise<T>;

  /// Runs the coroutine to its end in the middle of the one that awaits; gives its value or
  /// throws its error. Suspends only where the body does. A Coro can be awaited once: say
  /// `co_await std::move(coro)` of a named one.
  auto operator co_await() && noexcept { return CoroAwaiter(std::move(frame_)); }

  /// A named Coro is given away to be awaited: `co_await std::move(coro)`.
  void operator co_await() & = delete;

  /// Gives the frame away, to an owner that starts it with PromiseBase::start_for.
  Frame&& release() && noexcept { return std::move(frame_); }

 private:
  friend promise_type;

  class CoroAwaiter {
   public:
    explicit CoroAwaiter(Frame&& frame) noexcept : callee_(std::move(frame)) {
      precondition(callee_.promise() != nullptr, "a Coro is awaited once");
    }
    bool await_ready() const noexcept { return false; }
    template <TreadlePromise P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> caller) noexcept {
      callee_.promise()->start_for(caller.promise());
      return callee_.promise()->handle();
    }
    T await_resume() { return static_cast<promise_type&>(*callee_.promise()).result().take(); }

   private:
    Frame callee_;
  };

  explicit Coro(promise_type& promise) noexcept : frame_(promise) {}

  Frame frame_;
};

inline Coro<void> Promise<void>::get_return_object(std::source_location body) noexcept {
  begins_at(body);
  return Coro<void>(*this);
}

}  // namespace treadle
