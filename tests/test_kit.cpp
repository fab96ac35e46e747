#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "testing/child_process.hpp"
#include "testing/hang_watch.hpp"
#include "testing/loop_fixture.hpp"

namespace test_kit {

using treadle::Coro;
using treadle::EventLoop;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::ChildProcess;
using treadle::testing::Counted;
using treadle::testing::Ending;
using treadle::testing::HangWatch;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::said_in_dying;
using treadle::testing::Trace;

// By the operators' own names: a compiler may leave out a new-expression and its delete, and does.
// And first all that is measured, then all that is checked: CHECK allocates, too.
TEST_CASE("Kit: AllocationCheck notices what was not released", "[kit]") {
  AllocationCheck memory;
  void* leaked = ::operator new(8);
  const bool balanced_with_leak = memory.balanced();
  const std::size_t made = memory.made();
  ::operator delete(leaked);
  const bool balanced_without = memory.balanced();
  CHECK_FALSE(balanced_with_leak);
  CHECK(balanced_without);
  CHECK(made == 1);
}

TEST_CASE("Kit: AllocationCheck sees every form of new", "[kit]") {
  constexpr std::align_val_t kWide{64};
  AllocationCheck memory;
  ::operator delete(::operator new(8));
  ::operator delete[](::operator new[](8));
  ::operator delete(::operator new(8, std::nothrow));
  ::operator delete[](::operator new[](8, std::nothrow));
  ::operator delete(::operator new(64, kWide), kWide);
  ::operator delete[](::operator new[](64, kWide), kWide);
  const std::size_t made = memory.made();
  const bool balanced = memory.balanced();
  CHECK(made == 6);
  CHECK(balanced);
}

TEST_CASE("Kit: AllocationCheck notices a coroutine frame that is lost", "[kit]") {
  const auto coro = []() -> Coro<> { co_return; };
  AllocationCheck memory;
  treadle::Frame frame = coro().release();
  CHECK_FALSE(memory.balanced());
  frame.reset();
  CHECK(memory.balanced());
}

TEST_CASE("Kit: Counted counts lives and copies, and no move", "[kit]") {
  Counted::reset();
  {
    Counted first(3);
    Counted copy(first);
    Counted moved(std::move(first));
    CHECK(Counted::live() == 3);
    CHECK(Counted::copies() == 1);
    CHECK(moved.value() + copy.value() == 6);
  }
  CHECK(Counted::live() == 0);
}

TEST_CASE("Kit: a test that would hang fails with who waits for what", "[kit]") {
  LoopFixture fixture;
  Task<> first, second;
  const auto wait_for = [](Task<>& task) -> Coro<> { co_await task; };
  first = fixture.spawn("a", wait_for(second));
  second = fixture.spawn("b", wait_for(first));
  CHECK_THROWS_WITH(fixture.run_to_end(), ContainsSubstring("Task-1 waits for Task-2"));
}

TEST_CASE("Kit: the fixture keeps the lambda of a coroutine for as long as it runs", "[kit]") {
  LoopFixture fixture;
  {
    const std::string word = "kept";
    fixture.spawn("a", [word, &fixture]() -> Coro<> {
      co_await yield_now();
      fixture.note(word);
    });
  }
  fixture.run_until_idle();
  CHECK(fixture.trace == Trace{"kept"});
}

TEST_CASE("Kit: the fixture collects what the exception handler is told", "[kit]") {
  LoopFixture fixture;
  fixture.loop.call_soon([] { throw std::runtime_error("no"); });
  fixture.run_until_idle();
  CHECK(fixture.errors.size() == 1);
}

TEST_CASE("Kit: a child tells its exit code, its signal and what it said", "[kit]") {
  const Ending fine = in_child([] { std::fprintf(stderr, "word"); });
  CHECK(fine.exit_code == 0);
  CHECK(fine.said == "word");
  const Ending thrown = in_child([] { throw std::runtime_error("no"); });
  CHECK(thrown.exit_code == 99);
  CHECK(thrown.said == "thrown: no\n");
  const Ending killed = in_child([] { ::raise(SIGKILL); });
  CHECK(killed.exit_code == -1);
  CHECK(killed.signal == SIGKILL);
}

TEST_CASE("Kit: said_in_dying tells an abort from every other end", "[kit]") {
  CHECK_THAT(said_in_dying([] {
               std::fprintf(stderr, "last words");
               std::abort();
             }),
             ContainsSubstring("last words"));
  CHECK_THAT(said_in_dying([] { std::fprintf(stderr, "last words"); }),
             ContainsSubstring("it did not abort: exit code 0"));
}

TEST_CASE("Kit: a child that runs beside is waited for, or killed", "[kit][real-time]") {
  ChildProcess ends([] { ::_exit(3); });
  {
    ChildProcess stays([] { ::pause(); });
  }
  CHECK(ends.wait().exit_code == 3);
}

TEST_CASE("Kit: HangWatch stops a loop that runs for ever, and knows that it did",
          "[kit][real-time]") {
  EventLoop loop;
  {
    const HangWatch patient(
        std::chrono::hours(1), [](void*) {}, nullptr);
    CHECK_FALSE(patient.hung());
  }
  const HangWatch hangs(
      std::chrono::milliseconds(200),  // the process is ended if the handler takes as long to begin
      [](void* object) {
        const itimerval never{};
        ::setitimer(ITIMER_REAL, &never, nullptr);  // the next alarm would end the process
        static_cast<EventLoop*>(object)->stop();
      },
      &loop);
  const auto spin = []() -> Coro<> {
    for (;;) co_await yield_now();
  };
  CHECK_THROWS_AS(loop.run_until_complete(spin()), treadle::InvalidStateError);
  CHECK(hangs.hung());
}

TEST_CASE("Kit: HangWatch ends a process that does not listen", "[kit][real-time]") {
  CHECK(in_child([] {
          const HangWatch hangs(
              std::chrono::milliseconds(20), [](void*) {}, nullptr);
          for (;;) ::pause();
        }).signal == SIGALRM);
}

}  // namespace test_kit
