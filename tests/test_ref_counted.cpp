#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "testing/other_thread.hpp"
#include "treadle/ref.hpp"

namespace test_ref_counted {

using treadle::Ref;
using treadle::RefCounted;
using treadle::testing::Counted;
using treadle::testing::Threads;

// Its users write into it, each in a cell of his own. As it goes it says what the cells come to.
class Sheet : public RefCounted<Sheet> {
 public:
  Sheet(int references, int& sum) : RefCounted(references), sum_(sum) {}

  int& operator[](int cell) { return cells_.at(static_cast<std::size_t>(cell)); }

 protected:
  virtual ~Sheet() { sum_ = std::accumulate(cells_.begin(), cells_.end(), 0); }

 private:
  friend class RefCounted<Sheet>;

  std::array<int, 4> cells_{};
  int& sum_;
};

class SheetWithMore final : public Sheet {
 public:
  using Sheet::Sheet;

 private:
  Counted more_;
};

TEST_CASE("RefCounted: who makes it has as many references as it was told", "[ref][threads]") {
  int sum = 0;
  auto* sheet = new Sheet(2, sum);
  (*sheet)[0] = 1;
  auto first = Ref<Sheet>::adopt(*sheet);
  auto second = Ref<Sheet>::adopt(*sheet);
  auto third = first;
  first = {};
  second = {};
  CHECK(sum == 0);
  third = {};
  CHECK(sum == 1);
}

TEST_CASE("RefCounted: what derives from it is destroyed as a whole", "[ref][threads]") {
  const int before = Counted::live();
  int sum = 0;
  auto sheet = Ref<SheetWithMore>::adopt(*new SheetWithMore(1, sum));
  Ref<Sheet> base(std::move(sheet));
  CHECK(Counted::live() == before + 1);
  base = {};
  CHECK(Counted::live() == before);
}

// With a weaker order a sum may be wrong, but hardly ever is; it is the thread sanitizer that sees it each time.
TEST_CASE("RefCounted: the last to go sees what all others have written",
          "[ref][threads][real-time]") {
  for (int round = 0; round < 100; ++round) {
    int sum = 0;
    auto* sheet = new Sheet(4, sum);
    Threads threads;
    threads.start_together(4, [sheet](int cell) {
      const auto mine = Ref<Sheet>::adopt(*sheet);
      (*mine)[cell] = 1 << cell;
    });
    threads.join();
    REQUIRE(sum == 15);
  }
}

}  // namespace test_ref_counted
