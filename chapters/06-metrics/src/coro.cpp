#include "treadle/coro.hpp"

namespace treadle {

void Frame::destroy_chain(PromiseBase* innermost) noexcept {
  // To destroy the outermost frame alone would be right, and would recurse once for each frame of
  // the chain: a chain of 100,000 would overflow the stack. So each owner is told that its frame
  // is gone, and the loop is ours.
  while (innermost != nullptr) {
    PromiseBase* outer = innermost->awaiter_;
    innermost->owner_->promise_ = nullptr;
    innermost->handle_.destroy();
    innermost = outer;
  }
}

}  // namespace treadle
