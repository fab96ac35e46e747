#include <utility>

#include "testing/catch.hpp"
#include "treadle/ref.hpp"

namespace test_ref {

using treadle::Ref;

struct Target {
  int count = 0;
  void retain() { ++count; }
  void release() { --count; }
};
struct Derived : Target {};

TEST_CASE("Ref: a reference counts while it is there", "[ref]") {
  Target target;
  {
    const Ref<Target> first(target);
    CHECK(target.count == 1);
    const Ref<Target> second(first);
    CHECK(target.count == 2);
    CHECK(&*first == &*second);
  }
  CHECK(target.count == 0);
}

TEST_CASE("Ref: a move hands the count over", "[ref]") {
  Target target;
  Ref<Target> first(target);
  const Ref<Target> second(std::move(first));
  CHECK(target.count == 1);
  CHECK_FALSE(first);
  CHECK(second);
}

TEST_CASE("Ref: assignment drops the old and takes the new", "[ref]") {
  Target a, b;
  Ref<Target> ref(a);
  const Ref<Target> other(b);
  ref = other;
  CHECK(a.count == 0);
  CHECK(b.count == 2);
  auto& alias = ref;
  ref = alias;
  CHECK(b.count == 2);
  ref = Ref<Target>();
  CHECK(b.count == 1);
  CHECK_FALSE(ref);
}

TEST_CASE("Ref: to a class it is one to its base, and counts once", "[ref]") {
  Derived target;
  {
    const Ref<Derived> derived(target);
    const Ref<Target> base(derived);
    CHECK(target.count == 2);
    const Ref<Target> moved{Ref<Derived>(target)};
    CHECK(target.count == 3);
  }
  CHECK(target.count == 0);
}

TEST_CASE("Ref: forget leaves the count to the caller", "[ref]") {
  Target target;
  Ref<Target> ref(target);
  CHECK(ref.forget() == &target);
  CHECK_FALSE(ref);
  CHECK(target.count == 1);
}

}  // namespace test_ref
