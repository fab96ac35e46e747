#include <memory>
#include <stdexcept>
#include <string>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "treadle/result.hpp"

namespace test_result {

using treadle::Result;
using treadle::testing::Counted;

std::exception_ptr error(const char* why) {
  return std::make_exception_ptr(std::runtime_error(why));
}

TEST_CASE("Result: it is not ready until it ends", "[result]") {
  Result<int> value, failed;
  Result<void> nothing;
  CHECK_FALSE(value.ready());
  CHECK_FALSE(nothing.ready());
  CHECK(value.error() == nullptr);
  value.set_value(1);
  failed.set_error(error("no"));
  nothing.set_value();
  CHECK(value.ready());
  CHECK(failed.ready());
  CHECK(nothing.ready());
}

TEST_CASE("Result: a value is read any number of times", "[result]") {
  Result<std::string> result;
  result.set_value("text");
  CHECK(result.get() == "text");
  CHECK(result.get() == "text");
  CHECK(result.error() == nullptr);
}

TEST_CASE("Result: an error is thrown any number of times", "[result]") {
  Result<int> result;
  result.set_error(error("no"));
  CHECK_THROWS_WITH(result.get(), "no");
  CHECK_THROWS_WITH(result.get(), "no");
  CHECK_THROWS_WITH(result.take(), "no");
  CHECK(result.error() != nullptr);
  Result<void> nothing;
  nothing.set_error(error("no"));
  CHECK_THROWS_WITH(nothing.get(), "no");
  CHECK_THROWS_WITH(nothing.take(), "no");
}

TEST_CASE("Result: take moves the value out", "[result]") {
  Result<std::unique_ptr<int>> result;
  result.set_value(std::make_unique<int>(3));
  CHECK(*result.get() == 3);
  const auto taken = result.take();
  CHECK(*taken == 3);
  CHECK(result.get() == nullptr);
}

TEST_CASE("Result: a reference is kept as itself", "[result]") {
  int target = 1;
  Result<int&> result;
  result.set_value(target);
  CHECK(&result.get() == &target);
  CHECK(&result.take() == &target);
  const int fixed = 2;
  Result<const int&> constant;
  constant.set_value(fixed);
  CHECK(&constant.get() == &fixed);
}

TEST_CASE("Result: an exception_ptr can be a value", "[result]") {
  Result<std::exception_ptr> result;
  result.set_value(error("not thrown"));
  CHECK(result.error() == nullptr);
  CHECK(result.get() != nullptr);
}

TEST_CASE("Result: it takes over how another ended", "[result]") {
  Result<std::string> from, to;
  from.set_value("text");
  to.take_over(from);
  CHECK(to.get() == "text");

  Result<std::string> failed, also;
  failed.set_error(error("no"));
  also.take_over(failed);
  CHECK_THROWS_WITH(also.get(), "no");

  Result<void> nothing, neither;
  nothing.set_value();
  neither.take_over(nothing);
  CHECK(neither.ready());
  CHECK_NOTHROW(neither.get());
}

struct MoveThrows {
  MoveThrows() = default;
  MoveThrows(MoveThrows&&) { throw std::runtime_error("cannot be moved"); }
};

TEST_CASE("Result: what a move throws on the way becomes the error", "[result]") {
  Result<MoveThrows> from, to;
  from.set_value();
  to.take_over(from);
  CHECK_THROWS_WITH(to.get(), "cannot be moved");
}

TEST_CASE("Result: it holds one value, never copies it, and destroys it once",
          "[result][lifetime]") {
  Counted::reset();
  {
    Result<Counted> first, second;
    first.set_value(Counted(1));
    second.take_over(first);
    CHECK(second.take().value() == 1);
  }
  CHECK(Counted::copies() == 0);
  CHECK(Counted::live() == 0);
}

TEST_CASE("Result: an error takes the place of a value, as where a local's destructor throws",
          "[result]") {
  Result<int> result;
  result.set_value(1);
  result.set_error(std::make_exception_ptr(std::runtime_error("no")));
  CHECK_THROWS_WITH(result.get(), "no");
}

}  // namespace test_result
