#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "testing/thread.hpp"
#include "testing/time_limit.hpp"
#include "treadle/run.hpp"
#include "treadle/sleep.hpp"

namespace test_run {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::DeadlockError;
using treadle::EventLoop;
using treadle::get_running_loop;
using treadle::InvalidStateError;
using treadle::read_exactly;
using treadle::run;
using treadle::Sleep;
using treadle::Task;
using treadle::write_all;
using treadle::yield_now;
using treadle::testing::AsIfNoThreadEver;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::in_child;
using treadle::testing::SocketPair;
using treadle::testing::Trace;

void say(const std::string& line) { std::fputs((line + "\n").c_str(), stderr); }

/// Waits for a long time, and says how that ended.
Coro<> wait(std::string name) {
  try {
    co_await Sleep(1h);
    say(name + " slept");
  } catch (const CancelledError& cancelled) {
    say(name + " " + cancelled.message());
    throw;
  }
}

/// Presses Ctrl-C, as far as the program can tell.
void press_ctrl_c() { ::raise(SIGINT); }

/// The same from outside, while the loop sleeps or is about to. Called by a coroutine, so that SIGINT is handled already.
void press_ctrl_c_soon() {
  std::thread([polls = calls(Call::kPoll)] {
    comes_true([&] { return calls(Call::kPoll) > polls; });
    ::kill(::getpid(), SIGINT);
  }).detach();
}

// ---- Without a signal

TEST_CASE("Run: it gives the value of main", "[run][real-time]") {
  CHECK(run([]() -> Coro<int> {
          co_await Sleep(1ms);
          co_return 4;
        }()) == 4);
  CHECK(*run([]() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(5); }()) == 5);
  run([]() -> Coro<> { co_await yield_now(); }());
}

TEST_CASE("Run: it says where main waits for ever", "[run]") {
  const AsIfNoThreadEver alone;
  CHECK_THROWS_AS(run([]() -> Coro<> {
                    EventLoop& loop = co_await get_running_loop();
                    Task<> knot;
                    knot = loop.create_task([](Task<>& self) -> Coro<> {
                      const auto other =
                          (co_await get_running_loop()).create_task([](Task<>& outer) -> Coro<> {
                            co_await outer;
                          }(self));
                      co_await other;
                    }(knot));
                    co_await knot;
                  }()),
                  DeadlockError);
}

TEST_CASE("Run: what main posts in its last step runs, and so do its done callbacks",
          "[run][close]") {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    EventLoop& loop = co_await get_running_loop();
    (co_await treadle::get_current_task()).add_done_callback([&out] { out.emplace_back("told"); });
    loop.call_soon([&out] { out.emplace_back("posted"); });
  }(trace));
  CHECK(trace == Trace{"posted", "told"});
}

TEST_CASE("Run: an error that it throws is not reported as well", "[run][errors]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      co_await yield_now();
      throw std::runtime_error("no");
    }());
  });
  CHECK(ending.said == "thrown: no\n");
}

TEST_CASE("Run: a main that is cancelled by other than a signal throws that", "[run][cancel]") {
  CHECK_THROWS_AS(run([]() -> Coro<> {
                    const auto self = co_await treadle::get_current_task();
                    self.cancel("by myself");
                    co_await yield_now();
                  }()),
                  CancelledError);
}

TEST_CASE("Run: what main leaves behind is cancelled", "[run][close]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      EventLoop& loop = co_await get_running_loop();
      loop.create_task(wait("child"));
      co_await yield_now();
      say("main ends");
    }());
    say("run returns");
  });
  CHECK(ending.said == "main ends\nchild cancelled because the loop closes\nrun returns\n");
  CHECK(ending.exit_code == 0);
}

TEST_CASE("Run: inside of a loop it is an error", "[run][nested]") {
  EventLoop loop;
  loop.call_soon([] { CHECK_THROWS_AS(run([]() -> Coro<> { co_return; }()), InvalidStateError); });
  loop.run_until_idle();
}

TEST_CASE("Run: one after another is fine", "[run][real-time]") {
  for (int i = 0; i < 3; ++i) {
    CHECK(run([](int value) -> Coro<int> {
            co_await Sleep(1ms);
            co_return value;
          }(i)) == i);
  }
}

// ---- Ctrl-C

TEST_CASE("Run: Ctrl-C cancels main, which cleans up, and the process ends by SIGINT",
          "[run][signal][real-time]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      bool cancelled = false;
      press_ctrl_c();
      try {
        co_await wait("main");
      } catch (const CancelledError&) {
        cancelled = true;
      }
      co_await Sleep(1ms);
      say("cleaned up");
      if (cancelled) throw CancelledError("", treadle::CancelOrigin::kSignal, "SIGINT");
    }());
    say("not reached");
  });
  CHECK(ending.said == "main cancelled by SIGINT\ncleaned up\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: Ctrl-C reaches a main that sleeps in the poller",
          "[run][signal][poll][real-time]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      press_ctrl_c_soon();
      co_await wait("main");
    }());
    say("not reached");
  });
  CHECK(ending.said == "main cancelled by SIGINT\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: a main that catches it gives its value", "[run][signal][real-time]") {
  const auto ending = in_child([] {
    const int value = run([]() -> Coro<int> {
      press_ctrl_c();
      try {
        co_await wait("main");
      } catch (const CancelledError&) {
        say("caught");
      }
      co_await Sleep(1ms);
      co_return 7;
    }());
    say("run gives " + std::to_string(value));
  });
  CHECK(ending.said == "main cancelled by SIGINT\ncaught\nrun gives 7\n");
  CHECK(ending.exit_code == 0);
}

TEST_CASE("Run: after Ctrl-C the other tasks end before the process does",
          "[run][signal][close][real-time]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      EventLoop& loop = co_await get_running_loop();
      loop.create_task([]() -> Coro<> {
        try {
          co_await wait("child");
        } catch (const CancelledError&) {
          say("the child cleans up");
        }
        co_await Sleep(1ms);
        say("the child is clean");
      }());
      co_await yield_now();
      press_ctrl_c();
      co_await wait("main");
    }());
  });
  CHECK(ending.said ==
        "main cancelled by SIGINT\nchild cancelled because the loop closes\nthe child cleans up\n"
        "the child is clean\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: a cleanup that fails is the error that comes out", "[run][signal]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      press_ctrl_c();
      try {
        co_await wait("main");
      } catch (const CancelledError&) {
        throw std::runtime_error("cannot clean up");
      }
    }());
  });
  CHECK(ending.exit_code == 99);
  CHECK_THAT(ending.said, ContainsSubstring("thrown: cannot clean up"));
}

TEST_CASE("Run: Ctrl-C a second time ends a main that refuses", "[run][signal][real-time]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      press_ctrl_c();
      for (;;) {
        try {
          co_await Sleep(1ms);
        } catch (const CancelledError&) {
          say("refuses");
          press_ctrl_c();
        }
      }
    }());
  });
  CHECK(ending.said == "refuses\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: Ctrl-C a second time ends a main that never lets the loop run", "[run][signal]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      press_ctrl_c();
      say("busy");
      press_ctrl_c();
      say("not reached");
      co_return;
    }());
  });
  CHECK(ending.said == "busy\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: Ctrl-C a second time ends a process that cleans up too long",
          "[run][signal][close][real-time]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      EventLoop& loop = co_await get_running_loop();
      loop.create_task([]() -> Coro<> {
        try {
          co_await Sleep(1h);
        } catch (const CancelledError&) {
          say("takes its time");
        }
        press_ctrl_c_soon();
        co_await Sleep(1h);
      }());
      co_await yield_now();
      press_ctrl_c();
      co_await wait("main");
    }());
  });
  CHECK(ending.said == "main cancelled by SIGINT\ntakes its time\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: what was printed before the end by Ctrl-C is not lost", "[run][signal]") {
  const auto ending = in_child([] {
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    static char buffer[4096];
    std::setvbuf(stdout, buffer, _IOFBF, sizeof buffer);  // as where it is a pipe or a file
    run([]() -> Coro<> {
      std::fputs("good-bye\n", stdout);
      press_ctrl_c();
      co_await Sleep(1h);
    }());
  });
  CHECK(ending.said == "good-bye\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: afterwards Ctrl-C ends the process, as it did before", "[run][signal]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      press_ctrl_c();
      try {
        co_await Sleep(1h);
      } catch (const CancelledError&) {
        say("main's");
      }
    }());
    press_ctrl_c();
    say("not reached");
  });
  CHECK(ending.said == "main's\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: a SIGINT handler of the program's own stays", "[run][signal]") {
  const auto ending = in_child([] {
    ::signal(SIGINT, [](int) { static_cast<void>(::write(STDERR_FILENO, "mine\n", 5)); });
    run([]() -> Coro<> {
      press_ctrl_c();
      co_await yield_now();
      say("main goes on");
    }());
    press_ctrl_c();
  });
  CHECK(ending.said == "mine\nmain goes on\nmine\n");
  CHECK(ending.exit_code == 0);
}

TEST_CASE("Run: a process that ignores SIGINT goes on to", "[run][signal]") {
  const auto ending = in_child([] {
    ::signal(SIGINT, SIG_IGN);
    run([]() -> Coro<> {
      press_ctrl_c();
      co_await yield_now();
      say("main goes on");
    }());
  });
  CHECK(ending.said == "main goes on\n");
}

TEST_CASE("Run: two threads run a program each, and Ctrl-C is the main thread's",
          "[run][signal][thread][real-time]") {
  const auto ending = in_child([] {
    int other_gives = 0;
    run([&]() -> Coro<> {
      // Begun and ended while this one runs.
      std::thread([&] {
        other_gives = run([]() -> Coro<int> {
          press_ctrl_c();  // on the other thread: the loop of the first hears it all the same
          for (int i = 0; i < 3; ++i) co_await Sleep(1ms);
          co_return 5;
        }());
      }).join();
      say("the other gives " + std::to_string(other_gives));
      co_await wait("main");
    }());
  });
  CHECK(ending.said == "the other gives 5\nmain cancelled by SIGINT\n");
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: on another thread it leaves Ctrl-C alone", "[run][signal][thread][real-time]") {
  const auto ending = in_child([] {
    std::thread([] {
      run([]() -> Coro<> {
        press_ctrl_c();
        co_return;
      }());
      say("not reached");
    }).join();
  });
  CHECK(ending.said.empty());
  CHECK(ending.signal == SIGINT);
}

TEST_CASE("Run: a main that another signal cancels does not end by SIGINT", "[run][signal]") {
  const auto ending = in_child([] {
    run([]() -> Coro<> {
      EventLoop& loop = co_await get_running_loop();
      loop.cancel_on_signal(SIGTERM, co_await treadle::get_current_task());
      ::raise(SIGTERM);
      co_await wait("main");
    }());
  });
  CHECK_THAT(ending.said, ContainsSubstring("main cancelled by SIGTERM\n"));
  CHECK(ending.signal != SIGINT);
}

TEST_CASE("Run: signals that others handle interrupt nothing", "[run][signal][eintr][real-time]") {
  const auto ending = in_child([] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART: calls come back with EINTR
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval often{{0, 200}, {0, 200}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    const std::string got = run([]() -> Coro<std::string> {
      EventLoop& loop = co_await get_running_loop();
      SocketPair pair;
      const auto writer = loop.create_task([](treadle::Socket& socket) -> Coro<> {
        for (int i = 0; i < 10; ++i) {
          co_await Sleep(2ms);
          co_await write_all(socket, "ping");
        }
      }(pair.a));
      std::string text(40, '?');
      co_await read_exactly(pair.b, {text.data(), text.size()});
      co_await writer;
      co_return text;
    }());
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    say(got);
  });
  CHECK(ending.said == "pingpingpingpingpingpingpingpingpingping\n");
  CHECK(ending.exit_code == 0);
}

}  // namespace test_run
