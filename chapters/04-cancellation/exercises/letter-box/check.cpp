// The laws of LetterBox: all or nothing, however a wait ends.
#include <memory>
#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::sleep_for;
using treadle::Task;
using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

using Letters = LetterBox<std::string>;

// Before the fixture, so that it outlives the loop and all who wait.
struct Box {
  Letters box;
};

class Post : public Box, public LoopFixture {
 public:
  // One who wants a letter for so long, and says what he gets.
  Coro<> patient(std::string name, Delay patience) {
    try {
      const std::optional<std::string> letter = co_await box.take_for(patience);
      note(name + " gets " + letter.value_or("nothing"));
    } catch (const CancelledError&) {
      note(name + " is cancelled");
      throw;
    }
  }

  // The same for as long as it takes.
  Coro<> anyone(std::string name) {
    try {
      const std::string letter = co_await box.take();
      note(name + " gets " + letter);
    } catch (const CancelledError&) {
      note(name + " is cancelled");
      throw;
    }
  }

  // Takes a letter, and then waits for something else.
  Coro<> reader(std::string name) {
    const std::string letter = co_await box.take();
    note(name + " gets " + letter);
    try {
      co_await sleep_for(1s);
      note(name + " has read");
    } catch (const CancelledError&) {
      note(name + " is cancelled as she reads");
      throw;
    }
  }

  // What lies in the box, if anything.
  std::string lies_there() {
    return run([this] { return taken(); });
  }

 private:
  Coro<std::string> taken() {
    const std::optional<std::string> letter = co_await box.take_for(0s);
    co_return letter.value_or("nothing");
  }
};

}  // namespace

TEST_CASE_METHOD(Post, "LetterBox: what lies there is taken at once, the oldest first") {
  box.put("1");
  box.put("2");
  box.put("3");
  spawn("ann", [this]() -> Coro<> {
    const std::optional<std::string> first = co_await box.take_for(0s);
    note("ann gets " + first.value_or("nothing"));
    const std::string second = co_await box.take();
    note("ann gets " + second);
    const std::optional<std::string> third = co_await box.take_for(1h);
    note("ann gets " + third.value_or("nothing"));
  });
  spawn("bob", [this]() -> Coro<> {
    note("bob");
    co_return;
  });
  run_until_idle();
  UNSCOPED_INFO(
      "Three letters lay there when Ann asked, and Bob was ready to run after her. Who need not "
      "wait is not suspended.");
  CHECK(trace == Trace{"ann gets 1", "ann gets 2", "ann gets 3", "bob"});

  LetterBox<std::unique_ptr<int>> parcels;
  parcels.put(std::make_unique<int>(7));
  UNSCOPED_INFO("A letter is moved from hand to hand, and never copied.");
  CHECK(*run([&] { return parcels.take(); }) == 7);
}

TEST_CASE_METHOD(Post, "LetterBox: who finds none waits, and is served in order of arrival") {
  spawn("ann", anyone("ann"));
  spawn("bob", patient("bob", 1h));
  spawn("cleo", anyone("cleo"));
  run_until_idle();
  UNSCOPED_INFO("There is no letter yet.");
  REQUIRE(trace == Trace{});
  box.put("1");
  run_until_idle();
  UNSCOPED_INFO("One letter came: it is for the one who has waited longest.");
  CHECK(trace == Trace{"ann gets 1"});
  box.put("2");
  box.put("3");
  box.put("4");
  run_until_idle();
  UNSCOPED_INFO("Three more came, and two were waiting.");
  CHECK(trace == Trace{"ann gets 1", "bob gets 2", "cleo gets 3"});
  UNSCOPED_INFO("Three more came, and two were waiting. What lies in the box then:");
  CHECK(lies_there() == "4");
}

TEST_CASE_METHOD(Post, "LetterBox: a letter is handed over, and is nobody else's then") {
  spawn("ann", anyone("ann"));
  spawn("thief", [this]() -> Coro<> {
    box.put("1");
    const std::optional<std::string> letter = co_await box.take_for(0s);
    note("the thief gets " + letter.value_or("nothing"));
  });
  run_until_idle();
  INFO(
      "Ann was waiting. The thief put a letter in, and took one at once, before Ann had run again. "
      "She was the first, so the letter is hers.");
  CHECK(trace == Trace{"ann gets 1", "the thief gets nothing"});
}

TEST_CASE_METHOD(Post, "LetterBox: patience ends") {
  spawn("ann", patient("ann", 10s));
  spawn("bob", patient("bob", 20s));
  run_until_idle();
  advance(9s);
  CHECK(trace == Trace{});
  advance(1s);
  UNSCOPED_INFO("Ann had patience for 10 seconds, and Bob for 20.");
  CHECK(trace == Trace{"ann gets nothing"});
  box.put("1");
  run_until_idle();
  UNSCOPED_INFO("Ann went empty-handed, and then a letter came. Bob is the first now.");
  CHECK(trace == Trace{"ann gets nothing", "bob gets 1"});

  trace.clear();
  spawn("cleo", patient("cleo", 0s));
  run_until_idle();
  UNSCOPED_INFO("No patience at all is none: without a letter, it is over in the next turn.");
  CHECK(trace == Trace{"cleo gets nothing"});

  trace.clear();
  spawn("dan", [this]() -> Coro<> {
    auto waiting = box.take_for(10s);
    co_await sleep_for(5s);
    const std::optional<std::string> letter = co_await std::move(waiting);
    note("dan gets " + letter.value_or("nothing"));
  });
  run_until_idle();
  advance(5s);
  advance(5s);
  UNSCOPED_INFO(
      "Dan asked, and began to wait 5 seconds later. It is then that his 10 seconds begin.");
  CHECK(trace == Trace{});
  advance(5s);
  CHECK(trace == Trace{"dan gets nothing"});
}

TEST_CASE_METHOD(Post, "LetterBox: cancelled before the letter, one leaves nothing behind") {
  {
    const Task<> ann = spawn("ann", anyone("ann"));
    spawn("bob", anyone("bob"));
    run_until_idle();
    ann.cancel();
    box.put("1");
    run_until_idle();
    INFO("Ann was cancelled, and then, before she ran again, a letter came. Bob was waiting too.");
    CHECK(trace == Trace{"ann is cancelled", "bob gets 1"});
    CHECK(ann.cancelled());
  }
  {
    trace.clear();
    const Task<> cleo = spawn("cleo", patient("cleo", 1h));
    run_until_idle();
    cleo.cancel();
    box.put("2");
    run_until_idle();
    INFO("Cleo was cancelled, and then a letter came. Nobody waits for it, so it lies in the box.");
    CHECK(trace == Trace{"cleo is cancelled"});
    CHECK(lies_there() == "2");
  }
}

TEST_CASE_METHOD(Post, "LetterBox: cancelled after the letter, one has it") {
  const Task<> ann = spawn("ann", reader("ann"));
  run_until_idle();
  box.put("1");
  ann.cancel();
  run_until_idle();
  INFO(
      "The letter came for Ann, and then, before she ran again, she was cancelled. The wait was "
      "over: she has the letter, and hears it where she waits next.");
  CHECK(trace == Trace{"ann gets 1", "ann is cancelled as she reads"});
  CHECK(lies_there() == "nothing");
}

TEST_CASE_METHOD(Post, "LetterBox: time and a letter in one turn, and the first one counts") {
  {
    const Task<> ann = spawn("ann", patient("ann", 10s));
    run_until_idle();
    box.put("1");
    advance(10s);
    INFO(
        "A letter came for Ann. Then, before she ran again, her time was up. The letter was "
        "first.");
    CHECK(trace == Trace{"ann gets 1"});
    CHECK(lies_there() == "nothing");
  }
  {
    trace.clear();
    loop.call_later(10s, [this] { box.put("2"); });
    spawn("bob", patient("bob", 10s));
    run_until_idle();
    advance(10s);
    INFO("Bob's time was up, and then, before he ran again, a letter came. It lies in the box.");
    CHECK(trace == Trace{"bob gets nothing"});
    CHECK(lies_there() == "2");
  }
}

TEST_CASE_METHOD(Post, "LetterBox: nobody is woken twice") {
  const Task<> ann = spawn("ann", [this]() -> Coro<> {
    auto waiting = box.take_for(10s);
    try {
      const std::optional<std::string> letter = co_await std::move(waiting);
      note("ann gets " + letter.value_or("nothing"));
    } catch (const CancelledError&) {
      note("ann is cancelled");
    }
    co_await sleep_for(20s);
    note("ann has slept");
  });
  run_until_idle();
  ann.cancel();
  advance(10s);
  INFO(
      "Ann was cancelled. Then, before she ran again, her time was up. The cancel was first; and "
      "what she waits for afterwards is no affair of the box.");
  CHECK(trace == Trace{"ann is cancelled"});
  box.put("1");
  run_until_idle();
  CHECK(trace == Trace{"ann is cancelled"});
  CHECK(lies_there() == "1");
  advance(20s);
  CHECK(trace == Trace{"ann is cancelled", "ann has slept"});
}

TEST_CASE_METHOD(Post, "LetterBox: nothing stays armed") {
  spawn("ann", patient("ann", 10s));
  const Task<> bob = spawn("bob", patient("bob", 20s));
  loop.call_later(5s, [this, bob] {
    box.put("1");
    bob.cancel();
  });
  run_to_end();
  INFO(
      "At 5, Ann got a letter and Bob was cancelled. Then nothing is left for which the loop would "
      "have to wait.");
  CHECK(trace == Trace{"ann gets 1", "bob is cancelled"});
  CHECK(clock.elapsed() / 1s == 5);
}

TEST_CASE_METHOD(Post, "LetterBox: the loop may go while somebody waits") {
  {
    treadle::EventLoop other(clock);
    other.create_task(anyone("ann"));
    other.create_task(patient("bob", 10s));
    other.run_until_idle();
  }
  INFO("The loop of Ann and Bob went, and they with it. The box is there still, and is empty.");
  CHECK(trace == Trace{"ann is cancelled", "bob is cancelled"});
  box.put("1");
  CHECK(lies_there() == "1");
}
