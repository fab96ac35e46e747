// rejected by: RunAll: no jobs, no results
// status: deadlock
// says: nobody will come to wake you
//
// The job that ends last wakes run_all(); where there are no jobs, nobody does.
#include <coroutine>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "treadle/event_loop.hpp"
#include "treadle/wait_list.hpp"

using treadle::Coro;
using treadle::EventLoop;

class Countdown {
 public:
  class Wait : public treadle::Waiter {
   public:
    explicit Wait(Countdown& countdown) : countdown_(countdown) {}
    bool await_ready() const noexcept { return false; }
    template <treadle::TreadlePromise P>
    void await_suspend(std::coroutine_handle<P> caller) {
      suspend(caller.promise());
      countdown_.waiting_.add(*this);
    }
    void await_resume() const noexcept {}
    std::string waits_for() const override { return "the last job"; }

   private:
    Countdown& countdown_;
  };

  explicit Countdown(std::size_t left) : left_(left) {}
  Wait zero() { return Wait(*this); }
  void count() {
    if (--left_ == 0) waiting_.wake_all();
  }

 private:
  std::size_t left_;
  treadle::WaitList waiting_;
};

template <class T>
struct Ending {
  std::optional<T> value;
  std::exception_ptr error;
};

template <class T>
Coro<> run_one(Coro<T> job, Ending<T>& ending, Countdown& countdown) {
  try {
    ending.value = co_await std::move(job);
  } catch (...) {
    ending.error = std::current_exception();
  }
  countdown.count();
}

template <class T>
Coro<std::vector<T>> run_all(std::vector<Coro<T>> jobs) {
  EventLoop& loop = co_await treadle::get_running_loop();
  std::vector<Ending<T>> endings(jobs.size());
  Countdown countdown(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    loop.create_task(run_one(std::move(jobs[i]), endings[i], countdown));
  }
  co_await countdown.zero();
  std::vector<T> results;
  for (Ending<T>& ending : endings) {
    if (ending.error) std::rethrow_exception(ending.error);
    results.push_back(std::move(*ending.value));
  }
  co_return results;
}
