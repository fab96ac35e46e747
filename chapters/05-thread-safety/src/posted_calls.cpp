#include "treadle/posted_calls.hpp"

#include "treadle/inbox.hpp"

namespace treadle {

void PostedCalls::run() {
  // The array stays as it is meanwhile: what these post lies in another one.
  for (auto call = calls_.begin(); call != calls_.end();) {
    try {
      while (call != calls_.end()) {
        PostedCall& next = *call++;
        next.run(next.f.data());
      }
    } catch (...) {
      inbox_.errors().callback_failed();
    }
  }
  discard();
}

void PostedCalls::discard() noexcept {
  if (calls_.capacity() > kMostKept) calls_ = {};  // it was a flood, and need not be kept for
  calls_.clear();
  inbox_.give_back(std::unique_ptr<PostedCalls>(this));
}

}  // namespace treadle
