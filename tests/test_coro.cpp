#include "testing/loop_fixture.hpp"

namespace test_coro {

using treadle::Coro;
using treadle::testing::Counted;
using treadle::testing::LoopFixture;

Coro<int> add(int a, int b) { co_return a + b; }

TEST_CASE_METHOD(LoopFixture, "Coro: an await gives the callee's value", "[coro]") {
  CHECK(run([]() -> Coro<int> {
    const int five = co_await add(2, 3);
    co_return five + co_await add(1, 1);
  }) == 7);
}

}  // namespace test_coro
