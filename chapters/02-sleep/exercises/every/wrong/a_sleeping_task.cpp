// rejected by: Every: stop() takes the next tick back
// status: wrong
// says: nothing is armed any more
//
// A task that sleeps until the next tick: nothing can end its sleep before its time.
#include <functional>
#include <memory>
#include <utility>

#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

using treadle::Clock;
using treadle::EventLoop;
using treadle::TimerHandle;

class Every {
 public:
  Every(EventLoop& loop, Clock::duration period, std::function<void()> tick)
      : state_(std::make_shared<State>(loop, period, std::move(tick))) {
    loop.create_task(run(state_));
  }
  ~Every() { stop(); }

  void stop() { state_->stopped = true; }

 private:
  struct State {
    State(EventLoop& l, Clock::duration p, std::function<void()> t)
        : loop(l), period(p), tick(std::move(t)), due(l.time()) {}
    EventLoop& loop;
    Clock::duration period;
    std::function<void()> tick;
    Clock::time_point due;
    bool stopped = false;
  };

  static treadle::Coro<> run(std::shared_ptr<State> state) {
    while (!state->stopped) {
      state->due += ((state->loop.time() - state->due) / state->period + 1) * state->period;
      co_await treadle::sleep_until(state->due);
      if (!state->stopped) state->tick();
    }
  }

  std::shared_ptr<State> state_;
};
