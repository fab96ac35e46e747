// factors: takes numbers apart, one a line, while a clock on the loop shows that nothing stalls.
//
//   seq 1000000000000000000 1000000000000000005 | factors
//   factors                       # type numbers; Ctrl-D ends it, and so does Ctrl-C
//
// Two things here would stop a loop: to read a terminal, and to compute for seconds. Each has a
// thread. The first hands every line to the loop; the second is given one number at a time, and the
// task that waits for the answer waits like any other.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/command_line.hpp"
#include "support/duration.hpp"
#include "treadle/run.hpp"
#include "treadle/run_in_thread.hpp"
#include "treadle/sleep.hpp"
#include "treadle/wakeup.hpp"

using namespace std::chrono_literals;
using namespace treadle;

namespace {

using Number = std::uint64_t;
using Factors = std::vector<Number>;

void say(const std::string& words) {
  fmt::print("{}\n", words);
  std::fflush(stdout);
}

// ---- The thread that computes

// No thread can be stopped from outside. This one looks now and then whether it is still wanted,
// and gives up by giving nothing.
Factors factors_of(Number number, const std::atomic<bool>& unwanted) {
  constexpr Number kLook = 1 << 16;
  Factors factors;
  for (Number divisor = 2; divisor <= number / divisor; ++divisor) {
    if (divisor % kLook == 0 && unwanted) return {};
    for (; number % divisor == 0; number /= divisor) factors.push_back(divisor);
  }
  if (number > 1 || factors.empty()) factors.push_back(number);
  return factors;
}

// ---- The thread that reads

// Lines of standard input, until it ends or stop() is called. A thread in read(2) hears nothing, so
// this one waits in poll(2) first, and there for two: the terminal, and whoever wants it to stop.
class LineReader {
 public:
  /// Calls `take(line)` for each line.
  template <class F>
  void read_all(F take) {
    std::string rest;
    while (read_some(rest)) {
      for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
        take(rest.substr(0, end));
    }
    if (!rest.empty()) take(rest);  // the last line need not end
  }

  /// From any thread.
  void stop() noexcept { stop_.signal(); }

 private:
  // False where nothing more will come.
  bool read_some(std::string& text) {
    std::array<pollfd, 2> waits{{{STDIN_FILENO, POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
    // A signal came, or the kernel has no memory just now: nothing is known about either.
    if (::poll(waits.data(), waits.size(), -1) < 0) return true;
    if (waits[1].revents != 0) return false;
    std::array<char, 4096> bytes;
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) return true;
    text.append(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    return count > 0;
  }

  Wakeup stop_;
};

// ---- The loop

// Everything in here belongs to the loop's thread, but for the reader and the flag.
class Desk {
 public:
  explicit Desk(ThreadPool& computing) : computing_(computing) {}

  /// Reads in a thread of `reading`, and has each line answered.
  Coro<> serve(ThreadPool& reading) {
    EventLoop& loop = co_await get_running_loop();
    // The thread calls to the loop and must have ended before it, and the answers write to this desk.
    // So whoever ends this task has to wait: the thread is told, and awaited once more.
    const Task<> lines = loop.create_task(read(loop, reading));
    std::exception_ptr stopped;
    try {
      co_await lines;
      co_await all_answered();
    } catch (...) {
      stopped = std::current_exception();
    }
    if (stopped) {
      reader_.stop();
      if (!lines.done()) co_await lines;
      co_await give_up();
      std::rethrow_exception(stopped);
    }
  }

  std::size_t open() const { return open_; }
  std::size_t answered() const { return answered_; }

 private:
  Coro<> read(EventLoop& loop, ThreadPool& reading) {
    const auto take = [this, &loop](std::string line) {
      loop.call_soon_threadsafe([this, &loop, line = std::move(line)]() mutable {
        answers_.push_back(loop.create_task(answer(std::move(line))));
      });
    };
    co_await run_in_thread([this, take] { reader_.read_all(take); }, reading);
  }

  Coro<> answer(std::string line) {
    Number number = 0;
    const char* end = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data(), end, number);
    if (error != std::errc() || stop != end) {
      say(fmt::format("`{}` is no number below 2^64", line));
      co_return;
    }
    ++open_;
    // The job has a share in the flag: it may outlive the desk.
    auto job = [number, unwanted = unwanted_] { return factors_of(number, *unwanted); };
    const Factors factors = co_await run_in_thread(std::move(job), computing_);
    --open_;
    ++answered_;
    say(fmt::format("{} = {}", number, fmt::join(factors, " * ")));
  }

  Coro<> all_answered() {
    for (; !answers_.empty(); answers_.pop_front()) co_await answers_.front();
  }

  Coro<> give_up() {
    *unwanted_ = true;
    for (const Task<>& task : answers_) task.cancel("nobody waits for the answer");
    for (; !answers_.empty(); answers_.pop_front()) {
      try {
        co_await answers_.front();
      } catch (const CancelledError&) {
        // As it was told to.
      }
    }
  }

  ThreadPool& computing_;
  LineReader reader_;
  const std::shared_ptr<std::atomic<bool>> unwanted_ = std::make_shared<std::atomic<bool>>(false);
  std::list<Task<>> answers_;
  std::size_t open_ = 0;
  std::size_t answered_ = 0;
};

// Says how many numbers are in work, and notes how late it is. On a loop that stalls it would be late
// by as long as that lasts.
Coro<> tick(const Desk& desk, Clock::duration period, Clock::duration& latest) {
  EventLoop& loop = co_await get_running_loop();
  for (Clock::time_point due = loop.time() + period;; due += period) {
    co_await sleep_until(due);
    latest = std::max(latest, loop.time() - due);
    say(fmt::format("  tick: {} answered, {} to do", desk.answered(), desk.open()));
  }
}

Coro<> work(ThreadPool& reading, ThreadPool& computing, Clock::duration period) {
  EventLoop& loop = co_await get_running_loop();
  Desk desk(computing);
  Clock::duration latest{};
  const Task<> ticker = loop.create_task(tick(desk, period, latest));
  std::exception_ptr stopped;
  try {
    co_await desk.serve(reading);
  } catch (const CancelledError& request) {
    say(request.message());
    stopped = std::current_exception();
  }
  ticker.cancel();
  say(fmt::format("{} answered, {} not; no tick was {} ms late", desk.answered(), desk.open(),
                  latest / 1ms + 1));
  if (stopped) std::rethrow_exception(stopped);
}

}  // namespace

int main(int argc, char** argv) {
  Clock::duration period = 250ms;
  examples::CommandLine line("Takes numbers from standard input apart.");
  line.option("--tick", period, "how often the loop's clock ticks");
  line.parse(argc, argv);
  if (period < 1ms) examples::exit_with(2, "--tick: less than 1ms is no period.");

  ThreadPool reading(1);
  ThreadPool computing(1);
  run(work(reading, computing, period));
}
