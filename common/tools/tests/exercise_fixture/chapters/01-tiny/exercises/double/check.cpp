// The laws of twice().
#include "treadle/tiny.hpp"

#include ANSWER

TEST_CASE("Double: zero stays zero") { CHECK(twice(0) == 0); }

TEST_CASE("Double: three, or any number, becomes twice as much") {
  INFO("twice(n) must be n + n for every n, also for those the example did not show.");
  CHECK(twice(3) == 6);
  CHECK(twice(50) == 100);
}

TEST_CASE("Double: a negative number stays negative") { CHECK(twice(-4) == -8); }
