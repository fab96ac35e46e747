#include <coroutine>
#include <optional>
#include <string>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "treadle/intrusive_list.hpp"

namespace test_check {

using treadle::Coro;
using treadle::EventLoop;
using treadle::IntrusiveList;
using treadle::ListLink;
using treadle::precondition;
using treadle::ReadyQueue;
using treadle::Result;
using treadle::Runnable;
using treadle::Task;
using treadle::testing::said_in_dying;

Coro<int> give(int value) { co_return value; }

TEST_CASE("Check: one that holds does nothing", "[check]") {
  precondition(true, "never said");
  SUCCEED();
}

TEST_CASE("Check: one that is broken says its sentence and its place, and aborts", "[check]") {
  const std::string said = said_in_dying([] { precondition(1 > 2, "one is more than two"); });
  CHECK_THAT(said, ContainsSubstring("broken precondition: one is more than two"));
  CHECK_THAT(said, ContainsSubstring("test_check.cpp:"));
}

TEST_CASE("Check: a Coro awaited twice is a broken precondition", "[check][coro]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               const auto twice = []() -> Coro<> {
                 auto coro = give(1);
                 co_await std::move(coro);
                 co_await std::move(coro);
               };
               loop.run_until_complete(twice());
             }),
             ContainsSubstring("a Coro is awaited once"));
}

TEST_CASE("Check: a Coro made a task twice is a broken precondition", "[check][task]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               auto coro = give(1);
               loop.create_task(std::move(coro));
               loop.create_task(std::move(coro));
             }),
             ContainsSubstring("a Coro becomes a task once"));
}

TEST_CASE("Check: a Task that is a handle to nothing is asked for nothing", "[check][task]") {
  const char* sentence = "a Task that is asked for something is a handle to something";
  CHECK_THAT(said_in_dying([] { Task<int>().done(); }), ContainsSubstring(sentence));
  CHECK_THAT(said_in_dying([] { (void)Task<int>().result(); }), ContainsSubstring(sentence));
  CHECK_THAT(said_in_dying([] { (void)Task<int>().id(); }), ContainsSubstring(sentence));
  CHECK_THAT(said_in_dying([] { (void)EventLoop().run_until_complete(Task<int>()); }),
             ContainsSubstring(sentence));
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               const auto waits_for_nothing = []() -> Coro<> {
                 const Task<int> nothing;
                 co_await nothing;
               };
               loop.run_until_complete(waits_for_nothing());
             }),
             ContainsSubstring(sentence));
}

TEST_CASE("Check: a loop that is destroyed while it runs is a broken precondition",
          "[check][loop]") {
  CHECK_THAT(said_in_dying([] {
               std::optional<EventLoop> loop(std::in_place);
               loop->call_soon([&] { loop.reset(); });
               loop->run_forever();
             }),
             ContainsSubstring("a loop is destroyed only when it is not running"));
}

TEST_CASE("Check: a Result that is read before it was set is a broken precondition",
          "[check][result]") {
  CHECK_THAT(said_in_dying([] { Result<int>().get(); }),
             ContainsSubstring("a Result is read only after it was set"));
  CHECK_THAT(said_in_dying([] { Result<void>().take(); }),
             ContainsSubstring("a Result is read only after it was set"));
}

struct Item final : ListLink, Runnable {
  void run() override {}
  void discard() noexcept override {}
};

TEST_CASE("Check: an element in two lists is a broken precondition", "[check][list]") {
  CHECK_THAT(said_in_dying([] {
               Item item;
               IntrusiveList<Item> first, second;
               first.push_back(item);
               second.push_back(item);
             }),
             ContainsSubstring("an element is in at most one list"));
  CHECK_THAT(said_in_dying([] { IntrusiveList<Item>().pop_front(); }),
             ContainsSubstring("only a list that holds something can be popped"));
}

TEST_CASE("Check: what is ready already cannot be made ready again", "[check][ready_queue]") {
  CHECK_THAT(said_in_dying([] {
               Item item;
               ReadyQueue queue;
               queue.push(item);
               queue.push(item);
             }),
             ContainsSubstring("what is ready already cannot be made ready again"));
  CHECK_THAT(said_in_dying([] { ReadyQueue().pop(); }),
             ContainsSubstring("only a queue that holds something can be popped"));
}

TEST_CASE("Check: a task that does not wait cannot be woken", "[check][task]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               loop.create_task(give(1)).block().wake();
             }),
             ContainsSubstring("only a task that waits can be woken"));
}

TEST_CASE("Check: a task suspended by what cannot wake it is a broken precondition",
          "[check][task]") {
  CHECK_THAT(said_in_dying([] {
               EventLoop loop;
               const auto forsaken = []() -> Coro<> { co_await std::suspend_always(); };
               loop.run_until_complete(forsaken());
             }),
             ContainsSubstring("only by an awaiter that can make it ready again"));
}

}  // namespace test_check
