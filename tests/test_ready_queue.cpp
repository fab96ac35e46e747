#include <string>
#include <type_traits>
#include <vector>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "treadle/ready_queue.hpp"

namespace test_ready_queue {

using treadle::ReadyQueue;
using treadle::Runnable;
using treadle::testing::AllocationCheck;

class Entry final : public Runnable {
 public:
  explicit Entry(char name) : name_(name) {}
  char name() const { return name_; }
  void run() override {}
  void discard() noexcept override {}

 private:
  char name_;
};

std::string drain(ReadyQueue& queue) {
  std::string names;
  while (!queue.empty()) names += static_cast<Entry&>(queue.pop()).name();
  return names;
}

TEST_CASE("ReadyQueue: out in the order in which they went in", "[ready_queue][fair]") {
  Entry a('a'), b('b'), c('c');
  ReadyQueue queue;
  for (auto* entry : {&a, &b, &c}) queue.push(*entry);
  CHECK(drain(queue) == "abc");
}

TEST_CASE("ReadyQueue: who comes back goes to the end", "[ready_queue][fair]") {
  Entry a('a'), b('b'), c('c');
  ReadyQueue queue;
  for (auto* entry : {&a, &b, &c}) queue.push(*entry);
  queue.push(queue.pop());
  CHECK(drain(queue) == "bca");
}

TEST_CASE("ReadyQueue: emptied, it can be filled again", "[ready_queue]") {
  Entry a('a'), b('b');
  ReadyQueue queue;
  for (int i = 0; i < 3; ++i) {
    CHECK(queue.empty());
    queue.push(a);
    CHECK(drain(queue) == "a");
    queue.push(b);
    queue.push(a);
    CHECK(drain(queue) == "ba");
  }
}

TEST_CASE("ReadyQueue: it knows its size, and each entry whether it is in", "[ready_queue]") {
  Entry a('a'), b('b');
  ReadyQueue queue;
  CHECK(queue.size() == 0);
  CHECK_FALSE(a.queued());
  queue.push(a);
  queue.push(b);
  CHECK(queue.size() == 2);
  CHECK(a.queued());
  queue.pop();
  CHECK(queue.size() == 1);
  CHECK_FALSE(a.queued());
  CHECK(b.queued());
  queue.pop();
  CHECK(queue.empty());
}

TEST_CASE("ReadyQueue: pushing and popping allocate nothing", "[ready_queue][cost]") {
  Entry a('a');
  ReadyQueue queue;
  AllocationCheck memory;
  for (int i = 0; i < 100; ++i) {
    queue.push(a);
    queue.pop();
  }
  CHECK(memory.made() == 0);
}

TEST_CASE("ReadyQueue: it cannot be copied, as it points into itself", "[ready_queue]") {
  CHECK_FALSE(std::is_copy_constructible_v<ReadyQueue>);
  CHECK_FALSE(std::is_copy_assignable_v<ReadyQueue>);
}

}  // namespace test_ready_queue
