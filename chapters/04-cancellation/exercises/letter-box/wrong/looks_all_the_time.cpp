// rejected by: LetterBox: who finds none waits, and is served in order of arrival
// status: timeout
// says: processor time
//
// Looks, lets the others run, and looks again.
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using treadle::Clock;
using treadle::Coro;
using treadle::Delay;
using treadle::EventLoop;
using treadle::IntrusiveList;
using treadle::PromiseBase;
using treadle::Timer;
using treadle::TreadlePromise;

// Letters that lie there, or people who wait for some; never both.
template <class T>
class LetterBox {
 public:
  LetterBox() = default;
  LetterBox(const LetterBox&) = delete;
  LetterBox& operator=(const LetterBox&) = delete;

  // Hands `letter` to whoever has waited longest, or keeps it.
  void put(T letter) { letters_.push_back(std::move(letter)); }

  Coro<std::optional<T>> take_for(Delay patience) {
    EventLoop& loop = co_await treadle::get_running_loop();
    const Clock::time_point deadline = Clock::later(loop.time(), patience.in_nanoseconds());
    while (letters_.empty()) {
      if (loop.time() >= deadline) co_return std::nullopt;
      co_await treadle::yield_now();
    }
    T letter = std::move(letters_.front());
    letters_.pop_front();
    co_return letter;
  }

  Coro<T> take() {
    std::optional<T> letter = co_await take_for(std::chrono::hours(1000000));
    co_return *std::move(letter);
  }

 private:
  std::deque<T> letters_;  // the oldest first
};
