// asio_kit.hpp: Asio as its documentation uses it: one io_context, one thread, awaitable coroutines.
//
// The concurrency hint of 1 is Asio's own switch for a single thread; it leaves out locks, and that is fair to it.
#pragma once

#include <utility>

#include <asio.hpp>

#include <bench.hpp>

#include <cstddef>
#include <exception>

namespace peer {

[[gnu::noinline]] inline asio::awaitable<std::size_t> leaf(std::size_t x) { co_return x + 1; }

inline void rethrow(std::exception_ptr error) {
  if (error) std::rethrow_exception(error);
}

inline void run(asio::awaitable<void> main, asio::io_context& context) {
  asio::co_spawn(context, std::move(main), rethrow);
  context.run();
}

inline void run(asio::awaitable<void> main) {
  asio::io_context context(1);
  run(std::move(main), context);
}

}  // namespace peer
