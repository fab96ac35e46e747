// other_loop.hpp: a second loop, which a thread of its own runs.
#pragma once

#include "treadle_kit.hpp"

#include <threads.hpp>

#include <chrono>
#include <latch>
#include <thread>

namespace stage {

class OtherLoop {
 public:
  explicit OtherLoop(unsigned place) : thread_([this, place] { serve(place); }) { there_.wait(); }
  ~OtherLoop() {
    loop_->call_soon_threadsafe([loop = loop_] { loop->stop(); });
    thread_.join();
  }

  treadle::EventLoop& loop() { return *loop_; }

 private:
  void serve(unsigned place) {
    bench::pin_thread(place);
    treadle::EventLoop loop;
    loop_ = &loop;
    loop.call_later(std::chrono::hours(1), [] {});  // a reason to go on where nothing is posted yet
    loop.call_soon([this] { there_.count_down(); });
    loop.run_forever();
  }

  treadle::EventLoop* loop_ = nullptr;
  std::latch there_{1};
  std::thread thread_;
};

}  // namespace stage
