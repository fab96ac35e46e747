// The laws of within(): a time limit that takes nothing from anybody else.
#include <memory>
#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using treadle::sleep_for;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

std::string in_words(const std::string& text) { return text; }
std::string in_words(const std::unique_ptr<int>& number) { return std::to_string(*number); }

class Timed : public LoopFixture {
 public:
  // One line, such as `10 TimedOut`: the second since the beginning, and the words.
  void say(const std::string& words) {
    note(std::to_string((clock.elapsed() - start_) / 1s) + " " + words);
  }

  // Awaits `timed` and says what comes out of it, and how many then ask the task to end; then waits
  // for something else, to see whether anything is left that hits it there.
  template <class T>
  Coro<> watch(Coro<T> timed) {
    const AnyTask self = co_await treadle::get_current_task();
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(timed);
        say("end");
      } else {
        say("gives " + in_words(co_await std::move(timed)));
      }
    } catch (const TimedOut&) {
      say("TimedOut");
    } catch (const CancelledError&) {
      say("CancelledError");
    } catch (const std::runtime_error& error) {
      say(error.what());
    }
    say("asked " + std::to_string(self.cancelling()));
    try {
      co_await sleep_for(30s);
      say("after");
    } catch (const CancelledError&) {
      say("what it awaited afterwards was hit");
    }
  }

  // What watch() says of `timed`.
  template <class T>
  Trace seen(Coro<T> timed) {
    spawn_watch(std::move(timed));
    return to_end();
  }

  // The same where somebody else cancels the task after `delay`.
  template <class T>
  Trace cancelled_after(Delay delay, Coro<T> timed) {
    const AnyTask task = spawn_watch(std::move(timed));
    loop.call_later(delay, [task] { task.cancel("shut down"); });
    return to_end();
  }

  Coro<std::string> work(Delay time) {
    co_await sleep_for(time);
    co_return "work";
  }

  Coro<> idle(Delay time) { co_await sleep_for(time); }

  Coro<std::string> at_once() { co_return "at once"; }

  Coro<std::unique_ptr<int>> movable() {
    co_await sleep_for(1s);
    co_return std::make_unique<int>(7);
  }

  Coro<std::string> failing(Delay time) {
    co_await sleep_for(time);
    throw std::runtime_error("no paper");
  }

  // Cleans up for `time` when it is cancelled, and then goes.
  Coro<std::string> tidy(Delay time) {
    std::optional<CancelledError> request;
    try {
      co_await sleep_for(1h);
    } catch (const CancelledError& error) {
      request = error;
    }
    say("tidies");
    co_await sleep_for(time);
    say("has tidied");
    throw *request;
  }

  // Hears that it should go, and ends otherwise.
  Coro<std::string> stubborn(bool with_error) {
    try {
      co_await sleep_for(1h);
    } catch (const CancelledError&) {
      say("hears");
    }
    co_await sleep_for(5s);
    if (with_error) throw std::runtime_error("no paper");
    co_return "all the same";
  }

  // Says what comes out of a limit within a limit.
  Coro<std::string> inner(Delay limit, Coro<std::string> work) {
    try {
      co_return co_await within(limit, std::move(work));
    } catch (const TimedOut&) {
      say("inner TimedOut");
      throw;
    } catch (const CancelledError&) {
      say("inner CancelledError");
      throw;
    }
  }

 private:
  template <class T>
  AnyTask spawn_watch(Coro<T> timed) {
    trace.clear();
    start_ = clock.elapsed();
    return spawn("watch", watch(std::move(timed)));
  }

  Trace to_end() {
    run_to_end();
    return trace;
  }

  treadle::Clock::duration start_{};
};

}  // namespace

TEST_CASE_METHOD(Timed, "Within: in time, the value or the error comes out") {
  CHECK(seen(within(10s, work(5s))) == Trace{"5 gives work", "5 asked 0", "35 after"});
  CHECK(seen(within(10s, at_once())) == Trace{"0 gives at once", "0 asked 0", "30 after"});
  CHECK(seen(within(10s, idle(5s))) == Trace{"5 end", "5 asked 0", "35 after"});
  CHECK(seen(within(10s, movable())) == Trace{"1 gives 7", "1 asked 0", "31 after"});
  INFO("An error that comes in time is the work's own, and comes out as it is.");
  CHECK(seen(within(10s, failing(5s))) == Trace{"5 no paper", "5 asked 0", "35 after"});
}

TEST_CASE_METHOD(Timed, "Within: in time, nothing stays armed") {
  {
    INFO(
        "The work took 5 of 10 seconds. Then nothing is left for which a loop would have to wait.");
    run([&] { return within(10s, work(5s)); });
    const auto end = clock.elapsed();
    loop.run_forever();
    CHECK((clock.elapsed() - end) / 1s == 0);
  }
  {
    INFO(
        "The work failed after 5 of 10 seconds, and whoever awaited it goes on to something else.");
    CHECK(seen(within(10s, failing(5s))) == Trace{"5 no paper", "5 asked 0", "35 after"});
  }
  {
    INFO("Somebody cancelled the work after 5 of 10 seconds, and the task goes on.");
    CHECK(cancelled_after(5s, within(10s, work(20s))) ==
          Trace{"5 CancelledError", "5 asked 1", "35 after"});
  }
}

TEST_CASE_METHOD(Timed, "Within: too late, the work is cancelled and TimedOut comes out") {
  const Trace late = seen(within(10s, work(20s)));
  REQUIRE(late.size() == 3);
  {
    INFO("The work would take 20 seconds, and may take 10.");
    CHECK(late[0] == "10 TimedOut");
  }
  {
    INFO(
        "To ask was our own affair. When it is over, nobody asks the task to end: cancelling() is "
        "0.");
    CHECK(late[1] == "10 asked 0");
  }
  CHECK(late[2] == "40 after");
  CHECK(seen(within(10s, idle(20s))) == Trace{"10 TimedOut", "10 asked 0", "40 after"});
}

TEST_CASE_METHOD(Timed, "Within: the work may clean up, and await in doing so") {
  INFO(
      "The work hears at 10 that it should go, and takes 5 seconds to tidy up. within() is not "
      "over "
      "before its work is: who comes after must find it tidy.");
  CHECK(seen(within(10s, tidy(5s))) ==
        Trace{"10 tidies", "15 has tidied", "15 TimedOut", "15 asked 0", "45 after"});
}

TEST_CASE_METHOD(Timed, "Within: work that refuses has its way") {
  INFO(
      "The work caught the CancelledError, and ended otherwise. What it then gives or throws is "
      "there, and to throw it away helps nobody.");
  CHECK(seen(within(10s, stubborn(false))) ==
        Trace{"10 hears", "15 gives all the same", "15 asked 0", "45 after"});
  CHECK(seen(within(10s, stubborn(true))) ==
        Trace{"10 hears", "15 no paper", "15 asked 0", "45 after"});
}

TEST_CASE_METHOD(Timed, "Within: somebody else's cancel stays a cancel") {
  {
    INFO("Somebody else cancelled the task after 5 seconds. It still is asked to end afterwards.");
    CHECK(cancelled_after(5s, within(10s, work(20s))) ==
          Trace{"5 CancelledError", "5 asked 1", "35 after"});
  }
  {
    INFO(
        "Somebody else cancelled the task at 8; at 10, while the work tidies up, the time is up "
        "too.");
    CHECK(cancelled_after(8s, within(10s, tidy(5s))) ==
          Trace{"8 tidies", "10 CancelledError", "10 asked 1", "40 after"});
  }
  {
    INFO("The time was up at 10; at 12, while the work tidies up, somebody else cancels it too.");
    CHECK(cancelled_after(12s, within(10s, tidy(5s))) ==
          Trace{"10 tidies", "12 CancelledError", "12 asked 1", "42 after"});
  }
  {
    INFO("Somebody else cancelled the task in the turn in which the time was up, and came second.");
    CHECK(cancelled_after(10s, within(10s, work(20s))) ==
          Trace{"10 CancelledError", "10 asked 1", "40 after"});
  }
}

TEST_CASE_METHOD(Timed, "Within: what arrives in the same turn is not lost") {
  {
    INFO(
        "The time was up in the turn in which the work had been woken, just before it ran. It has "
        "got what it waited for; the request came too late, and must be taken back.");
    CHECK(seen(within(10s, work(10s))) == Trace{"10 gives work", "10 asked 0", "40 after"});
    CHECK(seen(within(10s, failing(10s))) == Trace{"10 no paper", "10 asked 0", "40 after"});
  }
  {
    INFO("The same, but the work is not done when it has got that: it hears it at its next wait.");
    auto two_steps = [this]() -> Coro<std::string> {
      co_await sleep_for(10s);
      say("got it");
      co_await sleep_for(10s);
      co_return "too late";
    };
    CHECK(seen(within(10s, two_steps())) ==
          Trace{"10 got it", "10 TimedOut", "10 asked 0", "40 after"});
  }
}

TEST_CASE_METHOD(Timed, "Within: one in another, each hears its own") {
  {
    INFO("The inner one has 10 seconds and the outer one 20.");
    CHECK(seen(within(20s, inner(10s, work(1h)))) ==
          Trace{"10 inner TimedOut", "10 TimedOut", "10 asked 0", "40 after"});
  }
  {
    INFO("The inner one has 20 seconds and the outer one 10. To the inner one, that is a cancel.");
    CHECK(seen(within(10s, inner(20s, work(1h)))) ==
          Trace{"10 inner CancelledError", "10 TimedOut", "10 asked 0", "40 after"});
  }
  {
    INFO(
        "Both have 10 seconds, so both are up in one turn. The inner one is asked by another too, "
        "and lets that through; the outer one hears its own.");
    CHECK(seen(within(10s, inner(10s, work(1h)))) ==
          Trace{"10 inner CancelledError", "10 TimedOut", "10 asked 0", "40 after"});
  }
}

TEST_CASE_METHOD(Timed, "Within: it can be used to clean up") {
  INFO(
      "A task was cancelled at 5, and says good-bye to somebody who does not answer, for 10 "
      "seconds "
      "at most. It had been asked to end before within() began: that is not what it asks about.");
  auto says_goodbye = [this]() -> Coro<> {
    try {
      co_await sleep_for(1h);
    } catch (const CancelledError&) {
      say("says good-bye");
    }
    co_await within(10s, work(1h));
  };
  CHECK(cancelled_after(5s, says_goodbye()) ==
        Trace{"5 says good-bye", "15 TimedOut", "15 asked 1", "45 after"});
}
