// rejected by: Every: ticks at each multiple of the period
// status: timeout
// says: processor time
//
// A task that looks at the clock in each turn, and never lets the loop sleep.
#include <functional>
#include <memory>
#include <utility>

#include "treadle/event_loop.hpp"

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
        : loop(l), period(p), tick(std::move(t)) {}
    EventLoop& loop;
    Clock::duration period;
    std::function<void()> tick;
    bool stopped = false;
  };

  static treadle::Coro<> run(std::shared_ptr<State> state) {
    Clock::time_point due = state->loop.time() + state->period;
    while (!state->stopped) {
      while (state->loop.time() < due && !state->stopped) co_await treadle::yield_now();
      if (state->stopped) break;
      due += ((state->loop.time() - due) / state->period + 1) * state->period;
      state->tick();
    }
  }

  std::shared_ptr<State> state_;
};
