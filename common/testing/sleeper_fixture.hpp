// sleeper_fixture.hpp: a loop whose tasks sleep until they are cancelled, and say how that ended.
#pragma once

#include <chrono>
#include <string>

#include "testing/loop_fixture.hpp"
#include "treadle/sleep.hpp"

namespace treadle::testing {

class SleeperFixture : public LoopFixture {
 public:
  /// Sleeps for `time`, notes how that ended, and throws on what ended it.
  Coro<> wait(std::string name, Delay time = std::chrono::hours(1)) {
    try {
      co_await Sleep(time);
      note(name + " slept");
    } catch (const CancelledError& cancelled) {
      note(name + " " + cancelled.message());
      throw;
    }
  }
};

}  // namespace treadle::testing
