#include <memory>
#include <random>
#include <string>
#include <vector>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "treadle/intrusive_list.hpp"

namespace test_intrusive_list {

using treadle::IntrusiveList;
using treadle::ListLink;
using treadle::testing::AllocationCheck;

struct Item : ListLink {
  explicit Item(int n) : number(n) {}
  int number;
};

std::vector<int> numbers(const IntrusiveList<Item>& list) {
  std::vector<int> seen;
  list.for_each([&](const Item& item) { seen.push_back(item.number); });
  return seen;
}

TEST_CASE("IntrusiveList: order is order of insertion", "[list][fair]") {
  Item a(1), b(2), c(3);
  IntrusiveList<Item> list;
  CHECK(list.empty());
  for (auto* item : {&a, &b, &c}) list.push_back(*item);
  CHECK(numbers(list) == std::vector{1, 2, 3});
  CHECK(&list.pop_front() == &a);
  CHECK(&list.pop_front() == &b);
  CHECK(&list.pop_front() == &c);
  CHECK(list.empty());
}

TEST_CASE("IntrusiveList: an element leaves from wherever it stands", "[list]") {
  Item a(1), b(2), c(3);
  IntrusiveList<Item> list;
  const auto fill = [&] {
    for (auto* item : {&a, &b, &c}) item->unlink();
    for (auto* item : {&a, &b, &c}) list.push_back(*item);
  };
  fill();
  b.unlink();
  CHECK(numbers(list) == std::vector{1, 3});
  fill();
  a.unlink();
  CHECK(numbers(list) == std::vector{2, 3});
  fill();
  c.unlink();
  CHECK(numbers(list) == std::vector{1, 2});
  a.unlink();
  b.unlink();
  CHECK(list.empty());
}

TEST_CASE("IntrusiveList: leaving twice, or where one is in no list, does nothing", "[list]") {
  Item a(1), b(2);
  IntrusiveList<Item> list;
  a.unlink();
  list.push_back(a);
  list.push_back(b);
  a.unlink();
  a.unlink();
  CHECK(numbers(list) == std::vector{2});
  CHECK_FALSE(a.linked());
  CHECK(b.linked());
}

TEST_CASE("IntrusiveList: who left and comes back stands last", "[list]") {
  Item a(1), b(2);
  IntrusiveList<Item> list;
  list.push_back(a);
  list.push_back(b);
  a.unlink();
  list.push_back(a);
  CHECK(numbers(list) == std::vector{2, 1});
}

TEST_CASE("IntrusiveList: a destroyed element has left", "[list][lifetime]") {
  Item a(1), c(3);
  IntrusiveList<Item> list;
  list.push_back(a);
  {
    Item b(2);
    list.push_back(b);
    list.push_back(c);
    CHECK(numbers(list) == std::vector{1, 2, 3});
  }
  CHECK(numbers(list) == std::vector{1, 3});
}

TEST_CASE("IntrusiveList: elements may outlive the list", "[list][lifetime]") {
  Item a(1), b(2);
  {
    IntrusiveList<Item> list;
    list.push_back(a);
    list.push_back(b);
  }
  a.unlink();
  b.unlink();
  IntrusiveList<Item> other;
  other.push_back(a);
  CHECK(numbers(other) == std::vector{1});
}

TEST_CASE("IntrusiveList: it does what a vector would, through random changes", "[list][random]") {
  std::mt19937 random(20);
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 20; ++i) items.push_back(std::make_unique<Item>(i));
  IntrusiveList<Item> list;
  std::vector<int> model;
  for (int step = 0; step < 2000; ++step) {
    auto& item = *items[random() % items.size()];
    if (item.linked()) {
      item.unlink();
      std::erase(model, item.number);
    } else {
      list.push_back(item);
      model.push_back(item.number);
    }
    if (numbers(list) != model) FAIL("step " << step);
  }
  SUCCEED();
}

TEST_CASE("IntrusiveList: linking allocates nothing", "[list][cost]") {
  Item a(1);
  IntrusiveList<Item> list;
  AllocationCheck memory;
  list.push_back(a);
  list.pop_front();
  CHECK(memory.made() == 0);
}

}  // namespace test_intrusive_list
