#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "testing/schedules.hpp"
#include "treadle/sleep.hpp"

namespace test_kit_schedules {

using namespace std::chrono_literals;
using treadle::CancelledError;
using treadle::Coro;
using treadle::ReadyQueue;
using treadle::Runnable;
using treadle::Sleep;
using treadle::Task;
using treadle::yield_now;
using treadle::testing::cancel_everywhere;
using treadle::testing::CancelAt;
using treadle::testing::DescriptorCheck;
using treadle::testing::Findings;
using treadle::testing::in_any_order;
using treadle::testing::make_scenario;
using treadle::testing::open_descriptors;
using treadle::testing::run_schedule;
using treadle::testing::Scenario;
using treadle::testing::shuffle;
using treadle::testing::Trace;

TEST_CASE("Kit: DescriptorCheck notices one that is left open", "[kit]") {
  const DescriptorCheck descriptors;
  const int leaked = ::dup(STDERR_FILENO);
  CHECK_FALSE(descriptors.balanced());
  ::close(leaked);
  CHECK(descriptors.balanced());
  CHECK(open_descriptors() == open_descriptors());
}

// ---- The same program, right and wrong

/// A coin goes from one pocket to the other, and takes its time.
class Coin : public Scenario {
 public:
  void end(const Task<>&) override {
    expect(pocket + other_pocket == 1, "there are " + std::to_string(pocket + other_pocket));
  }

  int pocket = 1;
  int other_pocket = 0;
};

class CoinThatIsLost : public Coin {
 public:
  Coro<> main() override {
    co_await Sleep(1s);
    --pocket;
    co_await Sleep(2s);  // cancelled here, it is in no pocket
    ++other_pocket;
    co_await Sleep(3s);
  }
};

class CoinThatIsKept : public Coin {
 public:
  Coro<> main() override {
    co_await Sleep(1s);
    --pocket;
    bool paid = true;
    try {
      co_await Sleep(2s);
    } catch (const CancelledError&) {
      paid = false;  // and is undone below
    }
    ++(paid ? other_pocket : pocket);
    co_await Sleep(3s);
  }
};

TEST_CASE("Kit: cancelling everywhere finds what is lost at one suspension, and says at which",
          "[kit][schedules]") {
  const Findings found = cancel_everywhere(make_scenario<CoinThatIsLost>);
  CHECK(found.faults == Trace{"cancelled before turn 2 (sleep of 2s): there are 0",
                              "cancelled in turn 1 (suspended): there are 0"});
}

TEST_CASE("Kit: cancelling everywhere has nothing to say of what is right", "[kit][schedules]") {
  const Findings found = cancel_everywhere(make_scenario<CoinThatIsKept>, true);
  CHECK(found.faults == Trace{});
}

TEST_CASE("Kit: cancelling everywhere means before the first step, at each suspension, and woken",
          "[kit][schedules]") {
  const Findings found = cancel_everywhere(make_scenario<CoinThatIsKept>);
  CHECK(found.places == Trace{"pending", "sleep of 1s", "sleep of 2s", "sleep of 3s", "suspended"});
  CHECK(found.runs == 1 + 2 * 4);  // four turns: three of them end with a sleep
}

TEST_CASE("Kit: a schedule that found a fault finds it again, and others do not",
          "[kit][schedules]") {
  for (int i = 0; i < 3; ++i) {
    CHECK(run_schedule(make_scenario<CoinThatIsLost>, {{2}}).faults.size() == 1);
    CHECK(run_schedule(make_scenario<CoinThatIsLost>, {{1}}).faults.empty());
    CHECK(run_schedule(make_scenario<CoinThatIsLost>, {{}}).faults.empty());
  }
}

/// Pays back in its cleanup, which takes its time, too.
class CoinInCleanup : public Coin {
 public:
  Coro<> main() override {
    --pocket;
    bool cancelled = false;
    try {
      co_await Sleep(2s);
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (cancelled) co_await Sleep(1s);  // a second cancel here loses it
    ++pocket;
  }
};

TEST_CASE("Kit: cancelling twice finds what is lost in the cleanup, and once does not",
          "[kit][schedules]") {
  CHECK(cancel_everywhere(make_scenario<CoinInCleanup>).faults == Trace{});
  const Findings found = cancel_everywhere(make_scenario<CoinInCleanup>, true);
  CHECK(found.faults ==
        Trace{"cancelled before turn 1 2 (sleep of 2s) (sleep of 1s): there are 0"});
}

// ---- What the kit looks at by itself

class Harmless : public Scenario {
 public:
  void end(const Task<>&) override {}
};

class LosesMemory : public Harmless {
 public:
  static inline std::vector<int*> lost;  // so that they are no leak of the test

  Coro<> main() override {
    int* memory = static_cast<int*>(::operator new(sizeof(int)));
    lost.push_back(memory);
    co_await Sleep(1s);
    lost.pop_back();
    ::operator delete(memory);
  }
};

TEST_CASE("Kit: cancelling everywhere finds memory that a cancel leaves behind",
          "[kit][schedules]") {
  LosesMemory::lost.reserve(10);
  const Findings found = cancel_everywhere(make_scenario<LosesMemory>);
  for (int* memory : LosesMemory::lost) ::operator delete(memory);
  LosesMemory::lost = {};
  CHECK(found.faults ==
        Trace{"cancelled before turn 1 (sleep of 1s): memory is left: 1 blocks too many",
              "cancelled in turn 0 (sleep of 1s): memory is left: 1 blocks too many"});
}

class LosesDescriptors : public Harmless {
 public:
  static inline std::vector<int> lost;

  Coro<> main() override {
    lost.push_back(::dup(STDERR_FILENO));
    co_await yield_now();
    ::close(lost.back());
    lost.pop_back();
  }
};

TEST_CASE("Kit: cancelling everywhere finds descriptors that a cancel leaves open",
          "[kit][schedules]") {
  LosesDescriptors::lost.reserve(10);
  const Findings found = cancel_everywhere(make_scenario<LosesDescriptors>);
  for (const int fd : LosesDescriptors::lost) ::close(fd);
  LosesDescriptors::lost = {};
  CHECK(found.has_fault("cancelled before turn 1"));
  CHECK(found.has_fault("descriptors are left open"));
}

class NeverEnds : public Harmless {
 public:
  Coro<> main() override {
    bool stubborn = false;
    try {
      co_await Sleep(1s);
    } catch (const CancelledError&) {
      stubborn = true;
    }
    while (stubborn) {
      try {
        co_await Sleep(2s);
      } catch (const CancelledError&) {
        stubborn = false;  // but not for ever: the loop shall close
      }
    }
  }
};

TEST_CASE("Kit: cancelling everywhere finds who swallows the cancel and never ends",
          "[kit][schedules]") {
  const Findings found = cancel_everywhere(make_scenario<NeverEnds>);
  CHECK(found.faults == Trace{"cancelled before turn 1 (sleep of 1s): it does not end: sleep of 2s",
                              "cancelled in turn 0 (sleep of 1s): it does not end: sleep of 2s"});
}

class WaitsForNothing : public Harmless {
 public:
  Coro<> main() override {
    bool cancelled = false;
    try {
      co_await yield_now();
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (cancelled) co_await other;
  }
  void begin() override {
    other = spawn("other", [this]() -> Coro<> { co_await third; });
    third = spawn("third", [this]() -> Coro<> { co_await other; });
  }

  Task<> other, third;
};

TEST_CASE("Kit: cancelling everywhere finds who waits for ever", "[kit][schedules]") {
  const Findings found = cancel_everywhere(make_scenario<WaitsForNothing>);
  CHECK(found.has_fault(": nothing is left to run, and it is not done: Task-2"));
}

class FailsUnseen : public Harmless {
 public:
  Coro<> main() override {
    bool cancelled = false;
    try {
      co_await Sleep(1s);
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (cancelled)
      spawn("other", []() -> Coro<> {
        co_await yield_now();
        throw std::runtime_error("unseen");
      });
  }
};

TEST_CASE("Kit: cancelling everywhere finds errors that nobody awaits", "[kit][schedules]") {
  const Findings found = cancel_everywhere(make_scenario<FailsUnseen>);
  CHECK(found.has_fault("cancelled before turn 1"));
  CHECK(found.has_fault("Task-2 failed and nobody awaited it: unseen"));
}

// ---- Orders

TEST_CASE("Kit: a shuffle loses nobody, and is the same for the same seed", "[kit][schedules]") {
  struct Nobody final : Runnable {
    void run() override {}
    void discard() noexcept override {}
  };
  std::vector<std::unique_ptr<Nobody>> all;
  for (int i = 0; i < 6; ++i) all.push_back(std::make_unique<Nobody>());
  const auto order = [&](std::uint32_t seed) {
    ReadyQueue ready;
    for (const auto& one : all) ready.push(*one);
    shuffle(ready, seed);
    std::string digits;
    while (!ready.empty()) {
      const Runnable* next = &ready.pop();
      for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].get() == next) digits += std::to_string(i);
    }
    return digits;
  };
  bool one_differs = false;
  for (std::uint32_t seed = 1; seed < 20; ++seed) {
    std::string digits = order(seed);
    CHECK(digits == order(seed));
    one_differs = one_differs || digits != order(seed + 1);
    std::sort(digits.begin(), digits.end());
    CHECK(digits == "012345");
  }
  CHECK(one_differs);
}

TEST_CASE("Kit: other orders find what one order hides, and say by which seed",
          "[kit][schedules]") {
  class First : public Scenario {
   public:
    Coro<> main() override {
      order += "a";
      co_return;
    }
    void begin() override {
      spawn("b", [this]() -> Coro<> {
        order += "b";
        co_return;
      });
    }
    void end(const Task<>&) override { expect(order == "ab", "the order is " + order); }
    std::string order;
  };
  CHECK(run_schedule(make_scenario<First>, {}).faults == Trace{});
  const Findings found = in_any_order(make_scenario<First>, 20);
  CHECK(found.runs == 20);
  REQUIRE_FALSE(found.faults.empty());
  CHECK(found.faults.size() < 20);  // about half of them
  const std::string first = found.faults.front();
  const auto seed = static_cast<std::uint32_t>(std::stoul(first.substr(5)));
  CHECK(first == "seed " + std::to_string(seed) + ", not cancelled: the order is ba");
  CHECK(run_schedule(make_scenario<First>, {{}, CancelAt::kBeforeTurn, seed}).faults ==
        Trace{first});
}

}  // namespace test_kit_schedules
