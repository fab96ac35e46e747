// rejected by: Newest: a closed loop refuses
// status: wrong
// says: whoever reports hears it
//
// Lets LoopClosedError out.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "treadle/event_loop.hpp"

using treadle::EventLoop;

// Shows the newest of the values that any threads report, on the loop's thread.
template <class T>
class Newest {
 public:
  // The loop outlives the object.
  Newest(EventLoop& loop, std::function<void(T)> show)
      : loop_(loop), shared_(std::make_shared<Shared>(std::move(show))) {}
  Newest(const Newest&) = delete;
  Newest& operator=(const Newest&) = delete;
  ~Newest() { shared_->gone = true; }

  // From any thread. False where the loop is closed.
  bool report(T value) {
    if (shared_->put(std::move(value))) return true;
    loop_.call_soon_threadsafe([shared = shared_] { shared->call(); });
    return true;
  }

 private:
  // What the object and its call have in common. It lives until both are gone.
  struct Shared {
    explicit Shared(std::function<void(T)> show) : show(std::move(show)) {}

    // True where there was a value already, and so a call is under way.
    bool put(T value) {
      const std::lock_guard lock(mutex);
      return std::exchange(newest, std::move(value)).has_value();
    }

    // From here on, whoever reports posts a call.
    std::optional<T> take() {
      const std::lock_guard lock(mutex);
      return std::exchange(newest, std::nullopt);
    }

    // On the loop's thread.
    void call() {
      if (gone) return;
      if (std::optional<T> value = take()) show(*std::move(value));  // the mutex is free by now
    }

    // The loop's thread's.
    const std::function<void(T)> show;
    bool gone = false;

    // mutex must be held to use what follows it.
    std::mutex mutex;
    std::optional<T> newest;  // there is one exactly while a call is under way
  };

  EventLoop& loop_;
  const std::shared_ptr<Shared> shared_;
};
