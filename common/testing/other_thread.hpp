// other_thread.hpp: a loop that runs in a thread of its own.
#pragma once

#include <thread>

#include "testing/thread.hpp"
#include "treadle/event_loop.hpp"

namespace treadle::testing {

/// A loop that a thread of its own runs for as long as this lives. It waits for what other threads bring it.
class LoopInThread {
 public:
  LoopInThread() : thread_([this] { run(); }) {
    while (!loop.is_running()) std::this_thread::yield();
  }
  LoopInThread(const LoopInThread&) = delete;
  LoopInThread& operator=(const LoopInThread&) = delete;
  ~LoopInThread() { end(); }

  /// The loop does not run any more, and is not closed.
  void end() {
    if (thread_.joined()) return;
    loop.stop();
    thread_.join();
  }

  EventLoop loop{{.when_stuck = WhenStuck::kWait}};

 private:
  void run() { loop.run_forever(); }

  Thread thread_;
};

}  // namespace treadle::testing
