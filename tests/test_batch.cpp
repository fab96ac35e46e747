#include "testing/catch.hpp"
#include "testing/counters.hpp"
#include "testing/queue_entry.hpp"
#include "treadle/ready_queue.hpp"

namespace test_batch {

using treadle::ReadyQueue;
using treadle::testing::AllocationCheck;
using treadle::testing::take_names;
using Entry = treadle::testing::QueueEntry;

TEST_CASE("Batch: out in the order in which they went in", "[batch][fair]") {
  Entry a('a'), b('b'), c('c');
  ReadyQueue queue;
  for (auto* entry : {&a, &b, &c}) queue.push(*entry);
  auto batch = queue.take_all();
  CHECK(take_names(batch) == "abc");
}

TEST_CASE("Batch: who becomes ready meanwhile is in the next one", "[batch][fair]") {
  Entry a('a'), b('b'), c('c');
  ReadyQueue queue;
  queue.push(a);
  queue.push(b);
  auto batch = queue.take_all();
  CHECK(queue.empty());
  CHECK(queue.size() == 0);
  queue.push(c);
  queue.push(batch.pop());
  CHECK(take_names(batch) == "b");
  CHECK(queue.size() == 2);
  CHECK(take_names(queue) == "ca");
}

TEST_CASE("Batch: who has not run yet is still queued", "[batch]") {
  Entry a('a'), b('b');
  ReadyQueue queue;
  queue.push(a);
  queue.push(b);
  auto batch = queue.take_all();
  CHECK(a.queued());
  batch.pop();
  CHECK_FALSE(a.queued());
  CHECK(b.queued());
}

TEST_CASE("Batch: there may be nothing in it", "[batch]") {
  Entry a('a');
  ReadyQueue queue;
  CHECK(queue.take_all().empty());
  queue.push(a);
  CHECK(take_names(queue) == "a");
}

TEST_CASE("Batch: taking out and running allocate nothing", "[batch][cost]") {
  Entry a('a'), b('b');
  ReadyQueue queue;
  AllocationCheck memory;
  for (int i = 0; i < 100; ++i) {
    queue.push(a);
    queue.push(b);
    auto batch = queue.take_all();
    while (!batch.empty()) batch.pop();
  }
  CHECK(memory.made() == 0);
}

}  // namespace test_batch
