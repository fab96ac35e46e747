// descriptors.hpp: proof that no descriptor is left open.
//
// A memory checker knows nothing of descriptors, and a server that leaks one a connection runs for a day before it
// fails. So they are counted, as memory is.
#pragma once

#include <cstddef>

namespace treadle::testing {

/// How many descriptors of this process are open.
std::size_t open_descriptors();

/// Lives as long as a test's scope; says whether as many are open as when it began.
class DescriptorCheck {
 public:
  bool balanced() const { return open_descriptors() == before_; }

 private:
  std::size_t before_ = open_descriptors();
};

}  // namespace treadle::testing
