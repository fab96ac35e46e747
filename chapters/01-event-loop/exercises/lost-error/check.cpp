// The laws of back_up(): every file is tried, and what failed is said.
#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "treadle/event_loop.hpp"

using treadle::testing::LoopFixture;
using treadle::testing::Trace;

#include ANSWER

namespace {

// A disk on which a file takes some turns to copy, and some fail.
treadle::Coro<> copy_on_disk(LoopFixture& here, std::string file) {
  const int turns = file == "slow" || file == "slow and bad" ? 3 : 1;
  for (int turn = 1; turn <= turns; ++turn) {
    here.note(file);
    co_await treadle::yield_now();
  }
  if (file == "bad") throw std::runtime_error("disk full");
  if (file == "slow and bad") throw std::runtime_error("bad sector");
  here.note(file + " is done");
}

class Disk : public LoopFixture {
 public:
  Report back_up_all(std::vector<std::string> files) {
    return run([this, files] {
      return back_up(files, [this](std::string file) { return copy_on_disk(*this, file); });
    });
  }
};

using Files = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(Disk, "Backup: where all goes well, all files are copied and none failed") {
  const Report report = back_up_all({"slow", "a", "b"});
  INFO("The report names the files in the order of the list.");
  CHECK(report.copied == Files{"slow", "a", "b"});
  CHECK(report.failed == Files{});
  CHECK(back_up_all({}).copied == Files{});
}

TEST_CASE_METHOD(Disk, "Backup: a file that failed is reported, with the reason") {
  const Report report = back_up_all({"a", "bad", "b", "slow and bad"});
  INFO("When does the code that can throw run, and where does its error come out?");
  CHECK(report.failed == Files{"bad: disk full", "slow and bad: bad sector"});
}

TEST_CASE_METHOD(Disk, "Backup: a file that failed is not reported as copied") {
  const Report report = back_up_all({"a", "slow and bad", "b", "bad"});
  INFO("Nobody can know that a file was copied before its task has ended.");
  CHECK(report.copied == Files{"a", "b"});
}

TEST_CASE_METHOD(Disk, "Backup: one failure keeps no other file from being copied") {
  const Report report = back_up_all({"bad", "slow", "a"});
  INFO("The report comes when all tasks have ended, those behind a failure too.");
  CHECK(report.copied == Files{"slow", "a"});
  CHECK(trace.back() == "slow is done");
}

TEST_CASE_METHOD(Disk, "Backup: the files are copied side by side") {
  back_up_all({"a", "slow", "b"});
  INFO("All copies are begun before the first is waited for; they must not stand in a line.");
  CHECK(Files(trace.begin(), trace.begin() + 3) == Files{"a", "slow", "b"});
}

TEST_CASE_METHOD(Disk, "Backup: no error is left to the exception handler") {
  back_up_all({"bad", "a", "slow and bad"});
  INFO("An error that reaches the exception handler is one that nobody asked the task for.");
  CHECK(errors == Trace{});
}
