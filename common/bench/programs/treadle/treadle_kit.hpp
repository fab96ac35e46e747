// treadle_kit.hpp: what the workloads share when a stage is measured. They use the public interface and nothing else.
#pragma once

#include <bench.hpp>

#include <cstddef>

#include "treadle/event_loop.hpp"

namespace stage {

[[gnu::noinline]] inline treadle::Coro<std::size_t> leaf(std::size_t x) { co_return x + 1; }

inline void run(treadle::Coro<> main) {
  treadle::EventLoop loop;
  loop.run_until_complete(std::move(main));
}

}  // namespace stage
