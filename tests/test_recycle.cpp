#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/thread.hpp"
#include "treadle/recycle.hpp"

namespace test_recycle {

using treadle::Coro;
using treadle::give_back_recycled;
using treadle::recycle_statistics;
using treadle::Recycled;
using treadle::release_recycled;
using treadle::take_recycled;
using treadle::yield_now;
using treadle::testing::AllocationCheck;
using treadle::testing::in_child;
using treadle::testing::in_thread;
using treadle::testing::LoopFixture;
using treadle::testing::Thread;
namespace heap = treadle::testing::heap;

// Under a sanitizer, and where the library was built without it, nothing is recycled.
bool recycles() {
  static const bool it_does = [] {
    give_back_recycled(take_recycled(64), 64);
    return recycle_statistics().resting > 0;
  }();
  return it_does;
}

TEST_CASE("Recycle: what was given back is the next of its size", "[recycle]") {
  if (!recycles()) return;
  void* first = take_recycled(100);
  give_back_recycled(first, 100);
  void* second = take_recycled(128);  // of the same class
  CHECK(first == second);
  give_back_recycled(second, 128);
}

TEST_CASE("Recycle: a block is as large as what was asked for, and aligned", "[recycle]") {
  for (std::size_t size = 1; size <= 3000; size += 37) {
    auto* memory = static_cast<unsigned char*>(take_recycled(size));
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t) == 0);
    for (std::size_t i = 0; i < size; ++i) memory[i] = 0xAA;
    give_back_recycled(memory, size);
  }
}

TEST_CASE("Recycle: blocks of different classes do not mix", "[recycle]") {
  if (!recycles()) return;
  void* small = take_recycled(64);
  give_back_recycled(small, 64);
  void* larger = take_recycled(65);
  CHECK(larger != small);
  give_back_recycled(larger, 65);
}

TEST_CASE("Recycle: no more rests than the bound allows", "[recycle]") {
  if (!recycles()) return;
  release_recycled();
  const std::size_t before = recycle_statistics().resting_bytes;
  std::vector<void*> blocks;
  for (int i = 0; i < 20000; ++i) blocks.push_back(take_recycled(256));
  for (void* block : blocks) give_back_recycled(block, 256);
  CHECK(recycle_statistics().resting_bytes - before <= std::size_t{1024} * 1024);
  release_recycled();
  CHECK(recycle_statistics().resting_bytes == before);
}

TEST_CASE("Recycle: what rests on a thread goes back when it ends", "[recycle][real-time]") {
  const std::size_t before = heap::blocks_made() - heap::blocks_released();
  std::size_t resting_inside = 0;
  in_thread([&] {
    std::vector<void*> blocks;
    for (int i = 0; i < 10; ++i) blocks.push_back(take_recycled(200));
    for (void* block : blocks) give_back_recycled(block, 200);
    resting_inside = recycle_statistics().resting;
  });
  if (recycles()) CHECK(resting_inside >= 10);
  CHECK(heap::blocks_made() - heap::blocks_released() <= before);
}

TEST_CASE("Recycle: a block may be given back on another thread", "[recycle][real-time]") {
  const AllocationCheck allocations;
  void* block = take_recycled(64);
  in_thread([=] { give_back_recycled(block, 64); });
  CHECK(allocations.balanced());
}

TEST_CASE("Recycle: a child of fork(2) has nothing of its parent's other threads",
          "[recycle][fork][real-time]") {
  std::atomic<bool> rests = false;
  std::atomic<bool> over = false;
  Thread other([&] {
    give_back_recycled(take_recycled(64), 64);
    rests = true;
    while (!over) std::this_thread::yield();
  });
  while (!rests) std::this_thread::yield();
  const auto ending = in_child([] {
    release_recycled();
    std::fputs(recycle_statistics().resting == 0 ? "nothing rests\n" : "something rests\n", stderr);
    std::exit(0);  // where this thread takes its own lists off the list of all
  });
  CHECK(ending.said == "nothing rests\n");
  CHECK(ending.exit_code == 0);
  over = true;
  other.join();
}

struct alignas(64) Wide : Recycled {
  unsigned char bytes[64] = {};
};

TEST_CASE("Recycle: an object with an alignment of its own has it", "[recycle]") {
  for (int i = 0; i < 8; ++i) {
    auto* wide = new Wide;
    CHECK(reinterpret_cast<std::uintptr_t>(wide) % 64 == 0);
    delete wide;
  }
}

Coro<> leaf() { co_await yield_now(); }

TEST_CASE_METHOD(LoopFixture, "Recycle: a task that is like one before it costs no call of malloc",
                 "[recycle]") {
  if (!recycles()) return;
  for (int i = 0; i < 3; ++i) loop.run_until_complete(leaf());
  const std::size_t made = heap::blocks_made();
  for (int i = 0; i < 100; ++i) loop.run_until_complete(leaf());
  CHECK(heap::blocks_made() == made);
}

}  // namespace test_recycle
