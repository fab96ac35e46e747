// other_context.hpp: a second io_context, which a thread of its own runs.
#pragma once

#include "asio_kit.hpp"

#include <threads.hpp>

#include <latch>
#include <thread>

namespace peer {

class OtherContext {
 public:
  explicit OtherContext(unsigned place) : thread_([this, place] { serve(place); }) {
    there_.wait();
  }
  ~OtherContext() {
    context_.stop();
    thread_.join();
  }

  asio::io_context& context() { return context_; }

 private:
  void serve(unsigned place) {
    bench::pin_thread(place);
    auto const alive = asio::make_work_guard(context_);
    asio::post(context_, [this] { there_.count_down(); });
    context_.run();
  }

  asio::io_context context_{1};
  std::latch there_{1};
  std::thread thread_;
};

}  // namespace peer
