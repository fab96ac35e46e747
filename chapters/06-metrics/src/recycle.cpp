#include "treadle/recycle.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <new>

#include "treadle/process.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define TREADLE_NO_RECYCLING
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TREADLE_NO_RECYCLING
#endif

namespace treadle {

#ifdef TREADLE_NO_RECYCLING

void* take_of_class(SizeClass, std::size_t size) { return ::operator new(size); }
void give_back_to_class(SizeClass, void* memory, std::size_t) noexcept {
  ::operator delete(memory);
}
RecycleStatistics recycle_statistics() noexcept { return {}; }
void release_recycled() noexcept {}

#else

namespace {

constexpr std::size_t kMostResting = std::size_t{512} * 1024;

constexpr std::size_t size_of(std::size_t index) noexcept { return (index + 1) * SizeClass::kStep; }
constexpr std::size_t most_of(std::size_t index) noexcept { return kMostResting / size_of(index); }

struct Block {
  Block* next;
};

// A number that its own thread changes and any thread may read. Never an atomic addition: there is
// one writer.
class Counter {
 public:
  std::size_t get() const noexcept { return value_.load(std::memory_order_relaxed); }
  void set(std::size_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::size_t by) noexcept { set(get() + by); }

 private:
  std::atomic<std::size_t> value_ = 0;
};

enum class Phase { kNotYet, kRecycling, kOver };

// What rests on one thread. There is room for nothing before it recycles and after: so the question
// for room, which must be asked anyway, is the only one on the quick way.
struct Lists {
  std::array<Block*, SizeClass::kClasses> first{};
  std::array<Counter, SizeClass::kClasses> room{};  // how many more may rest
  Counter reused;
  Phase phase = Phase::kNotYet;
  Lists* next = nullptr;  // in all_lists
};

std::mutex all_lists_mutex;
Lists* all_lists = nullptr;  // guarded by it

// Made before main() and with nothing to destroy, so that it is found by one addition to the thread
// pointer. And used here alone, in functions that are never part of another: a compiler that saw it
// from a coroutine might keep its address across a suspension, and the coroutine go on on another
// thread.
constinit thread_local Lists lists;

// In a child of fork(2) there is one thread. What rested on the others is lost, and one of them may
// have held the mutex.
void begin_as_child_with_own_lists() noexcept {
  new (&all_lists_mutex) std::mutex;
  all_lists = lists.phase == Phase::kRecycling ? &lists : nullptr;
  lists.next = nullptr;
}

void empty(Lists& mine) noexcept {
  const bool stays = mine.phase == Phase::kRecycling;
  for (std::size_t i = 0; i < SizeClass::kClasses; ++i) {
    while (Block* block = mine.first[i]) {
      mine.first[i] = block->next;
      ::operator delete(block);
    }
    mine.room[i].set(stays ? most_of(i) : 0);
  }
}

// Lives as long as a thread that recycles.
class Membership {
 public:
  explicit Membership(Lists& mine) noexcept : mine_(mine) {
    [[maybe_unused]] static const bool begins = call_in_child(begin_as_child_with_own_lists);
    const std::lock_guard lock(all_lists_mutex);
    mine_.next = all_lists;
    all_lists = &mine_;
    mine_.phase = Phase::kRecycling;
    empty(mine_);
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership() {
    const std::lock_guard lock(all_lists_mutex);
    Lists** place = &all_lists;
    while (*place != &mine_) place = &(*place)->next;
    *place = mine_.next;
    mine_.phase = Phase::kOver;
    empty(mine_);
  }

 private:
  Lists& mine_;
};

// True where this thread did not recycle, and does from now on.
[[gnu::noinline]] bool begins_to_recycle() noexcept {
  if (lists.phase != Phase::kNotYet) return false;
  [[maybe_unused]] thread_local const Membership membership(lists);
  return true;
}

void rest(void* memory, std::size_t size_class) noexcept {
  lists.room[size_class].add(-std::size_t{1});
  lists.first[size_class] = new (memory) Block{lists.first[size_class]};
}

// Apart, so that the quick way needs no stack.
[[gnu::noinline]] void give_back_without_room(void* memory, std::size_t size_class) noexcept {
  if (!begins_to_recycle()) return ::operator delete(memory);
  rest(memory, size_class);
}

}  // namespace

[[gnu::noinline]] void* take_of_class(SizeClass size_class, std::size_t) {
  const std::size_t index = size_class.index;
  Block* block = lists.first[index];
  if (block == nullptr) return ::operator new(size_class.size());
  lists.first[index] = block->next;
  lists.room[index].add(1);
  lists.reused.add(1);
  return block;
}

[[gnu::noinline]] void give_back_to_class(SizeClass size_class, void* memory,
                                          std::size_t) noexcept {
  if (lists.room[size_class.index].get() == 0) [[unlikely]]
    return give_back_without_room(memory, size_class.index);
  rest(memory, size_class.index);
}

RecycleStatistics recycle_statistics() noexcept {
  const std::lock_guard lock(all_lists_mutex);
  RecycleStatistics sum;
  for (const Lists* each = all_lists; each != nullptr; each = each->next) {
    sum.reused += each->reused.get();
    for (std::size_t i = 0; i < SizeClass::kClasses; ++i) {
      const std::size_t resting = most_of(i) - each->room[i].get();
      sum.resting += resting;
      sum.resting_bytes += resting * size_of(i);
    }
  }
  return sum;
}

void release_recycled() noexcept { empty(lists); }

#endif  // TREADLE_NO_RECYCLING

}  // namespace treadle
