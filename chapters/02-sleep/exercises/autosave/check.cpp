// The laws of AutoSave: once for each pause, and nothing afterwards.
#include "testing/loop_fixture.hpp"
#include "treadle/event_loop.hpp"

using namespace std::chrono_literals;
using treadle::testing::LoopFixture;

#include ANSWER

namespace {

using Times = std::vector<long>;  // in seconds

class Desk : public LoopFixture {
 public:
  Times saves;  // when it was saved

  long now() const { return static_cast<long>(clock.elapsed() / 1s); }
  void save() { saves.push_back(now()); }

  // Lets time pass, a second at a time.
  void pass_until(long end) {
    while (now() < end) advance(1s);
  }
};

}  // namespace

TEST_CASE_METHOD(Desk, "AutoSave: saves when the typist has paused") {
  AutoSave text(loop, 10s, [&] { save(); });
  pass_until(5);
  CHECK(saves == Times{});
  text.typed();
  CHECK(saves == Times{});
  pass_until(30);
  text.typed();
  pass_until(60);
  INFO("Two keys, with a long pause after each: one save for each, 10s after the key.");
  CHECK(saves == Times{15, 40});
}

TEST_CASE_METHOD(Desk, "AutoSave: each key begins the pause anew") {
  AutoSave text(loop, 10s, [&] { save(); });
  text.typed();
  pass_until(4);
  text.typed();
  text.typed();
  pass_until(13);
  text.typed();
  pass_until(60);
  INFO(
      "Keys at 0, 4, 4 and 13, and then silence. Only the last one is followed by a pause of 10s. "
      "What has become of the timers of the others?");
  CHECK(saves == Times{23});
}

TEST_CASE_METHOD(Desk, "AutoSave: flush() saves at once, and only once") {
  AutoSave text(loop, 10s, [&] { save(); });
  text.typed();
  pass_until(3);
  text.flush();
  UNSCOPED_INFO("flush() saves there and then.");
  REQUIRE(saves == Times{3});
  loop.run_forever();
  {
    INFO(
        "After flush() there is nothing left to save, so nothing may be armed that the loop would "
        "wait for.");
    CHECK(saves == Times{3});
    CHECK(now() == 3);
  }
  text.typed();
  pass_until(30);
  UNSCOPED_INFO("The next key begins a new pause.");
  CHECK(saves == Times{3, 13});
}

TEST_CASE_METHOD(Desk, "AutoSave: flush() does nothing where all is saved") {
  AutoSave text(loop, 10s, [&] { save(); });
  text.flush();
  UNSCOPED_INFO("Nothing has been typed.");
  CHECK(saves == Times{});
  text.typed();
  pass_until(20);
  text.flush();
  text.flush();
  UNSCOPED_INFO("All was saved at 10, when the pause was over. How does flush() know?");
  CHECK(saves == Times{10});
}

TEST_CASE_METHOD(Desk, "AutoSave: what is typed during a save is saved too") {
  AutoSave* self = nullptr;
  AutoSave text(loop, 10s, [&] {
    save();
    if (saves.size() <= 2) self->typed();
  });
  self = &text;
  text.typed();
  pass_until(12);
  REQUIRE(saves == Times{10});
  text.flush();
  UNSCOPED_INFO(
      "A key was hit during the save at 10, so something was not saved yet when flush() came at "
      "12.");
  CHECK(saves == Times{10, 12});
  pass_until(60);
  UNSCOPED_INFO(
      "Another key was hit during the save at 12, and none after that: it is saved at 22.");
  CHECK(saves == Times{10, 12, 22});
}

TEST_CASE_METHOD(Desk, "AutoSave: destroyed, it saves no more") {
  {
    AutoSave text(loop, 10s, [&] { save(); });
    text.typed();
    pass_until(2);
    text.typed();
  }
  loop.run_forever();
  INFO("The object is gone: no timer may be left that points to it.");
  CHECK(saves == Times{});
  CHECK(now() == 2);
}
