// posted_calls.hpp: small callbacks that other threads have posted, side by side in one block.
//
// What one thread allocates and another frees is the worst that can be done to malloc, and a list of
// small blocks the worst that can be done to a cache. Nearly all that is posted is a pointer or two
// and a number. So such callbacks are copied into an array, which is run from its beginning to its
// end and used again.
//
// Invariants
//   1. While it lies in an inbox, the inbox's mutex guards it; after that it is the loop's.
//   2. A callback in it is trivially copyable: to move it runs nobody's code, and to drop it is to
//      forget it.
//
// Thread safety: none of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "treadle/ready_queue.hpp"

namespace treadle {

class Inbox;

/// Who is told, from within the catch, of what a callback has thrown.
class CallbackErrors {
 public:
  virtual void callback_failed() noexcept = 0;

 protected:
  ~CallbackErrors() = default;
};

/// Callbacks that were posted one after the other, with nothing else between them.
class PostedCalls final : public Runnable {
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kMostKept = std::size_t{16} * 1024;

 public:
  explicit PostedCalls(Inbox& inbox) noexcept : inbox_(inbox) {}

  /// True for callbacks that it has room for.
  template <class F>
  static constexpr bool takes = std::is_trivially_copyable_v<F> && sizeof(F) <= kBytes &&
                                alignof(F) <= alignof(void*);

  template <class F>
  requires takes<F>
  void add(const F& f) {
    calls_.emplace_back();
    std::memcpy(calls_.back().f.data(), &f, sizeof f);
    calls_.back().run = [](void* bytes) {
      F here = std::move(*std::launder(static_cast<F*>(bytes)));
      std::move(here)();
    };
  }

  /// Runs all, oldest first; one that throws is reported, and the next one runs. Goes back to the
  /// inbox then.
  void run() override;
  void discard() noexcept override;

 private:
  struct PostedCall {
    void (*run)(void* f);
    alignas(void*) std::array<std::byte, kBytes> f;
  };

  Inbox& inbox_;  // which is there for as long as its loop is
  std::vector<PostedCall> calls_;
};

}  // namespace treadle
