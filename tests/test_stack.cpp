#include <algorithm>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/sleep.hpp"
#include "treadle/task_tree.hpp"

namespace test_stack {

using namespace std::chrono_literals;
using treadle::AnyTask;
using treadle::Coro;
using treadle::describe;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::short_function_name;
using treadle::Sleep;
using treadle::StackEntry;
using treadle::Task;
using treadle::task_tree;
using treadle::yield_now;
using treadle::testing::LoopFixture;
using treadle::testing::Thread;
using treadle::testing::Trace;

// The lines of the co_awaits below, so that the tests need not count them.
constexpr unsigned kInner = __LINE__ + 1;
Coro<> inner() { co_await Sleep(1h); }
constexpr unsigned kMiddle = __LINE__ + 1;
Coro<> middle() { co_await inner(); }
constexpr unsigned kOuter = __LINE__ + 3;
Coro<> outer() {
  co_await yield_now();
  co_await middle();
}

Coro<> breaks() {
  co_await yield_now();
  throw std::runtime_error("no");
}
Coro<> passes_on() { co_await breaks(); }

std::vector<std::string> names(const std::vector<StackEntry>& stack) {
  std::vector<std::string> all;
  for (const StackEntry& entry : stack) all.push_back(entry.function);
  return all;
}

const std::vector<std::string> kChain{"test_stack::outer", "test_stack::middle",
                                      "test_stack::inner"};

TEST_CASE_METHOD(LoopFixture, "Stack: from the entry to what the task waits for", "[stack]") {
  const auto task = loop.create_task(outer());
  run_until_idle();
  const std::vector<StackEntry> stack = task.stack();
  REQUIRE(names(stack) == kChain);
  CHECK(stack[0].line == kOuter);
  CHECK(stack[1].line == kMiddle);
  CHECK(stack[2].line == kInner);
  CHECK_THAT(stack[0].file, ContainsSubstring("test_stack.cpp"));
}

TEST_CASE_METHOD(LoopFixture, "Stack: of a task that has not begun, its first coroutine",
                 "[stack]") {
  const auto task = loop.create_task(outer());
  CHECK(names(task.stack()) == std::vector<std::string>{"test_stack::outer"});
}

TEST_CASE_METHOD(LoopFixture, "Stack: of a task that has ended well, nothing", "[stack]") {
  const auto task = loop.create_task([]() -> Coro<> { co_return; }());
  run_until_idle();
  CHECK(task.stack().empty());
}

TEST_CASE_METHOD(LoopFixture, "Stack: of a task that failed, where the error came from",
                 "[stack]") {
  const auto task = loop.create_task(passes_on());
  run_until_idle();
  CHECK(names(task.stack()) ==
        std::vector<std::string>{"test_stack::passes_on", "test_stack::breaks"});
  (void)task.exception();
}

TEST_CASE_METHOD(LoopFixture, "Stack: an error that was caught is not the next one's", "[stack]") {
  const auto task = loop.create_task([]() -> Coro<> {
    try {
      co_await passes_on();
    } catch (const std::runtime_error&) {
      throw std::logic_error("another");
    }
  }());
  run_until_idle();
  CHECK(task.stack().size() == 1);
  (void)task.exception();
}

TEST_CASE_METHOD(LoopFixture, "Stack: a task that asks for its own sees its first coroutine",
                 "[stack]") {
  std::vector<StackEntry> seen;
  loop.run_until_complete([](std::vector<StackEntry>& stack) -> Coro<> {
    stack = (co_await treadle::get_current_task()).stack();
  }(seen));
  CHECK(seen.size() == 1);
}

TEST_CASE_METHOD(LoopFixture, "Stack: who asks as a task goes sees nothing, and breaks nothing",
                 "[stack]") {
  struct AtEnd {
    ~AtEnd() {
      if (task) seen.push_back(task.stack().size());
    }
    AnyTask& task;
    std::vector<std::size_t>& seen;
  };
  AnyTask task;
  std::vector<std::size_t> seen;
  const auto holds = [](AnyTask& self, std::vector<std::size_t>& sizes, bool waits) -> Coro<> {
    const AtEnd at_end{self, sizes};
    if (waits) co_await Sleep(1h);
  };
  {
    EventLoop other;
    task = other.create_task(holds(task, seen, true));
    other.run_until_idle();
    other.close(0s);
  }
  CHECK(seen.size() == 1);
  task = {};
}

TEST_CASE("Stack: another thread sees where a task waits", "[stack][thread][real-time]") {
  EventLoop loop;
  const auto task = loop.create_task(outer());
  Thread runner([&] { loop.run_forever(); });
  while (task.waits_for().empty()) std::this_thread::yield();
  CHECK(names(task.stack()) == kChain);
  loop.stop();
  runner.join();
}

TEST_CASE("Stack: functions have one name, whatever the compiler", "[stack]") {
  CHECK(short_function_name("Coro<void> serve(Socket &)") == "serve");
  CHECK(short_function_name("treadle::Coro<std::pair<int, int> > a::B::read(int) const") ==
        "a::B::read");
  CHECK(short_function_name("auto main()::(anonymous class)::operator()(int) const") ==
        "main()::lambda");
  CHECK(short_function_name(
            "void main()::<lambda(int)>::operator()(main()::<lambda(int)>::_ZZ4main.Frame*)") ==
        "main()::lambda");
  CHECK(short_function_name("main()::<lambda(int)>") == "main()::lambda");
  CHECK(short_function_name("C S<T>::m(T) const [with T = int]") == "S<T>::m");
  CHECK(short_function_name("Coro<> (anonymous namespace)::f()") == "f");
  CHECK(short_function_name("") == "");
}

// ---- Errors

TEST_CASE("ErrorContext: in debug mode it says where the task was made and where it stood",
          "[stack][errors]") {
  EventLoop loop({.debug = true});
  std::string said;
  std::vector<StackEntry> stack;
  loop.set_exception_handler([&](const ErrorContext& context) {
    said = describe(context);
    stack = context.stack;
  });
  loop.create_task(passes_on(), "broken");
  loop.run_until_idle();
  CHECK_THAT(said, ContainsSubstring(
                       "broken failed and nobody awaited it: no\n  made at test_stack.cpp:") &&
                       ContainsSubstring("\n  in test_stack::passes_on (test_stack.cpp:") &&
                       ContainsSubstring("\n  in test_stack::breaks (test_stack.cpp:"));
  CHECK(stack.size() == 2);
}

TEST_CASE_METHOD(LoopFixture, "ErrorContext: otherwise it is one line", "[stack][errors]") {
  loop.create_task(passes_on(), "broken");
  run_until_idle();
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == "broken failed and nobody awaited it: no");
}

// What the loop was told of callbacks that fail: where each of them was made.
class ToldOfCallbacks {
 public:
  ToldOfCallbacks() {
    loop.set_exception_handler(
        [this](const ErrorContext& context) { made_at.push_back(context.made_at); });
  }

  static std::string line(unsigned number) { return "test_stack.cpp:" + std::to_string(number); }

  EventLoop loop;
  Trace made_at;
};

void breaks_in_callback() { throw std::runtime_error("no"); }

TEST_CASE_METHOD(ToldOfCallbacks, "ErrorContext: a callback that fails has the place that made it",
                 "[stack][errors][callback]") {
  constexpr unsigned kFirst = __LINE__ + 1;
  loop.call_soon(breaks_in_callback);
  loop.call_later(0s, breaks_in_callback);
  loop.call_at(loop.time(), breaks_in_callback);
  loop.run_until_idle();
  CHECK(made_at == Trace{line(kFirst), line(kFirst + 1), line(kFirst + 2)});
}

TEST_CASE_METHOD(ToldOfCallbacks, "ErrorContext: so has one that waits for the end of a task",
                 "[stack][errors][callback]") {
  const auto task = loop.create_task([]() -> Coro<int> { co_return 1; }());
  constexpr unsigned kFirst = __LINE__ + 1;
  task.add_done_callback(breaks_in_callback);
  AnyTask(task).add_done_callback(breaks_in_callback);
  loop.run_until_idle();
  CHECK(made_at == Trace{line(kFirst), line(kFirst + 1)});
}

TEST_CASE_METHOD(ToldOfCallbacks, "ErrorContext: so has one that waits for a signal",
                 "[stack][errors][callback]") {
  constexpr unsigned kLine = __LINE__ + 1;
  loop.add_signal_handler(SIGUSR1, breaks_in_callback);
  std::raise(SIGUSR1);
  loop.run_until_idle();
  CHECK(made_at == Trace{line(kLine)});
}

TEST_CASE_METHOD(ToldOfCallbacks, "ErrorContext: a place is not that of another callback",
                 "[stack][errors][callback]") {
  loop.call_soon([] {});
  loop.create_task(passes_on());
  loop.call_soon_threadsafe([this] { made_at.push_back("ran"); });
  loop.run_until_idle();
  REQUIRE(made_at.size() == 2);
  CHECK(made_at[0] == "ran");
  CHECK_THAT(made_at[1], ContainsSubstring("test_stack.cpp:"));
}

TEST_CASE("ErrorContext: in debug mode the place of a callback is printed",
          "[stack][errors][callback]") {
  EventLoop loop({.debug = true});
  std::string said;
  loop.set_exception_handler([&](const ErrorContext& context) { said = describe(context); });
  loop.call_soon(breaks_in_callback);
  loop.run_until_idle();
  CHECK_THAT(said, ContainsSubstring("a callback failed: no\n  made at test_stack.cpp:"));
}

// ---- The tree

TEST_CASE_METHOD(LoopFixture, "Tree: who waits stands above whom he waits for", "[tree]") {
  const auto fetch = loop.create_task(outer(), "fetch");
  const auto wait_for = [](Task<> task) -> Coro<> { co_await task; };
  loop.create_task(wait_for(fetch), "main");
  loop.create_task(wait_for(fetch), "logger");
  run_until_idle();
  const std::string tree = task_tree(loop);
  CHECK_THAT(tree, ContainsSubstring("main: suspended, waits for fetch\n    at ") &&
                       ContainsSubstring("\n└─ fetch: suspended, waits for sleep of 3600s\n") &&
                       ContainsSubstring("\n       at test_stack::inner (test_stack.cpp:") &&
                       ContainsSubstring("\n   also awaited by logger\n") &&
                       ContainsSubstring("logger: suspended, waits for fetch\n") &&
                       ContainsSubstring("\n└─ fetch: see above\n"));
}

TEST_CASE_METHOD(LoopFixture, "Tree: a name breaks no line", "[tree]") {
  const auto wait_for = [](Task<> task) -> Coro<> { co_await task; };
  const auto fetch = loop.create_task(outer(), "fe\ntch");
  loop.create_task(wait_for(fetch), "ma\nin");
  loop.create_task(wait_for(fetch), "\x1b[2J");
  run_until_idle();
  CHECK_THAT(task_tree(loop), ContainsSubstring("ma\\nin: suspended, waits for fe\\ntch\n") &&
                                  ContainsSubstring("\n└─ fe\\ntch: suspended") &&
                                  ContainsSubstring("also awaited by \\x1b[2J\n"));
}

TEST_CASE_METHOD(LoopFixture, "Tree: tasks that wait for each other are said to", "[tree]") {
  std::vector<Task<>> tasks;
  const auto wait_for = [](std::vector<Task<>>& all, std::size_t other) -> Coro<> {
    co_await yield_now();
    co_await all[other];
  };
  tasks.push_back(loop.create_task(wait_for(tasks, 1), "a"));
  tasks.push_back(loop.create_task(wait_for(tasks, 0), "b"));
  run_until_idle();
  CHECK_THAT(task_tree(loop), ContainsSubstring("in a circle"));
}

TEST_CASE_METHOD(LoopFixture, "Tree: a task is as old as the loop's clock says", "[tree]") {
  EventLoop timed({.timing = true}, clock);
  timed.create_task(inner(), "sleeper");
  timed.run_until_idle();
  clock.advance(2500ms);
  CHECK_THAT(task_tree(timed), ContainsSubstring("waits for sleep of 3600s, 2.50s old"));
}

Coro<> deep(int depth) {
  if (const int rest = depth; rest > 0)
    co_await deep(rest - 1);
  else
    co_await Sleep(1h);
}

TEST_CASE_METHOD(LoopFixture, "Tree: of a long chain the middle is left out", "[tree]") {
  const auto task = loop.create_task(deep(999));
  run_until_idle();
  CHECK(task.stack().size() == 1000);
  CHECK_THAT(task_tree(loop), ContainsSubstring("... and 988 more\n"));
}

// `count` tasks, of which each waits for the next; the last one sleeps. Gives them from the last to the first.
std::vector<Task<>> make_chain(EventLoop& loop, std::size_t count) {
  const auto wait_for = [](Task<> task) -> Coro<> { co_await task; };
  std::vector<Task<>> chain{loop.create_task(inner(), "last")};
  while (chain.size() < count) chain.push_back(loop.create_task(wait_for(chain.back())));
  return chain;
}

TEST_CASE_METHOD(LoopFixture, "Tree: of a long chain of tasks both ends are shown, and a count",
                 "[tree]") {
  const auto chain = make_chain(loop, 10'000);
  run_until_idle();
  const std::string tree = task_tree(loop);
  CHECK(tree.size() < 20'000);
  CHECK_THAT(tree, ContainsSubstring("... and 9960 more tasks\n") &&
                       ContainsSubstring("last: suspended, waits for sleep of 3600s\n"));
  CHECK(std::count(tree.begin(), tree.end(), '\n') ==
        40 * 2 + 1);  // the line and the place of each
}

TEST_CASE_METHOD(LoopFixture, "Tree: a chain that is not long is shown in full", "[tree]") {
  const auto chain = make_chain(loop, 40);
  run_until_idle();
  const std::string tree = task_tree(loop);
  CHECK_THAT(tree, !ContainsSubstring("more tasks"));
  CHECK(std::count(tree.begin(), tree.end(), '\n') == 80);
}

TEST_CASE_METHOD(LoopFixture, "Tree: a task that was left out is said to be", "[tree]") {
  const auto chain = make_chain(loop, 1000);
  const auto wait_for = [](Task<> task) -> Coro<> { co_await task; };
  loop.create_task(wait_for(chain[500]), "late");
  run_until_idle();
  const std::string left_out = chain[500].name();
  CHECK_THAT(task_tree(loop),
             ContainsSubstring("late: suspended, waits for " + left_out + "\n") &&
                 ContainsSubstring("\n└─ " + left_out + ": is one of those left out above\n"));
}

TEST_CASE_METHOD(LoopFixture, "Tree: its text grows as the tasks do, whatever waits for what",
                 "[tree]") {
  const auto wait_for = [](Task<> task) -> Coro<> { co_await task; };
  std::vector<std::size_t> sizes;
  for (const std::size_t count : {1000U, 4000U}) {
    EventLoop other(clock);
    const auto chain = make_chain(other, count);
    for (const auto& task : chain) {  // a second branch begins at each
      other.create_task(wait_for(other.create_task(wait_for(task))));
    }
    other.run_until_idle();
    sizes.push_back(task_tree(other).size());
  }
  CHECK(sizes[1] < 5 * sizes[0]);
}

TEST_CASE_METHOD(LoopFixture, "Tree: a long circle is said to be one, and ends", "[tree]") {
  std::vector<Task<>> tasks;
  const auto wait_for = [](std::vector<Task<>>& all, std::size_t other) -> Coro<> {
    co_await yield_now();
    co_await all[other];
  };
  for (std::size_t i = 0; i < 1000; ++i)
    tasks.push_back(loop.create_task(wait_for(tasks, (i + 1) % 1000)));
  run_until_idle();
  const std::string tree = task_tree(loop);
  CHECK(tree.size() < 20'000);
  CHECK_THAT(tree, ContainsSubstring("... and 961 more tasks\n") &&
                       ContainsSubstring("is the one above, they wait for each other in a circle"));
}

TEST_CASE_METHOD(LoopFixture, "Tree: a loop without tasks says so", "[tree]") {
  CHECK(task_tree(loop) == "no tasks\n");
  CHECK(loop.all_tasks().empty());
}

TEST_CASE_METHOD(LoopFixture, "Tasks: all that are not done, oldest first", "[tree]") {
  const auto first = loop.create_task(inner());
  loop.create_task([]() -> Coro<> { co_return; }());
  const auto last = loop.create_task(inner());
  run_until_idle();
  CHECK(loop.all_tasks() == std::vector<AnyTask>{first, last});
}

}  // namespace test_stack
