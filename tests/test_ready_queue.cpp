#include <type_traits>

#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "testing/queue_entry.hpp"
#include "treadle/ready_queue.hpp"

namespace test_ready_queue {

using treadle::ReadyQueue;
using treadle::testing::AllocationCheck;
using treadle::testing::take_names;
using Entry = treadle::testing::QueueEntry;

TEST_CASE("ReadyQueue: out in the order in which they went in", "[ready_queue][fair]") {
  Entry a('a'), b('b'), c('c');
  ReadyQueue queue;
  for (auto* entry : {&a, &b, &c}) queue.push(*entry);
  CHECK(take_names(queue) == "abc");
}

TEST_CASE("ReadyQueue: who comes back goes to the end", "[ready_queue][fair]") {
  Entry a('a'), b('b'), c('c');
  ReadyQueue queue;
  for (auto* entry : {&a, &b, &c}) queue.push(*entry);
  queue.push(queue.pop());
  CHECK(take_names(queue) == "bca");
}

TEST_CASE("ReadyQueue: emptied, it can be filled again", "[ready_queue]") {
  Entry a('a'), b('b');
  ReadyQueue queue;
  for (int i = 0; i < 3; ++i) {
    CHECK(queue.empty());
    queue.push(a);
    CHECK(take_names(queue) == "a");
    queue.push(b);
    queue.push(a);
    CHECK(take_names(queue) == "ba");
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
