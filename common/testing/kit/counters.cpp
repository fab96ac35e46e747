#include <atomic>
#include <cstdlib>
#include <new>

#include "testing/kit/heap.hpp"

namespace {

constexpr std::size_t kNever = static_cast<std::size_t>(-1);

// How many allocations of this thread succeed before one fails.
thread_local std::size_t left_until_failure = kNever;

std::atomic<std::size_t> made{0};
std::atomic<std::size_t> released{0};

void* take(std::size_t size, std::size_t alignment) {
  if (left_until_failure != kNever) {
    const bool fails = left_until_failure == 0;
    --left_until_failure;
    if (fails) throw std::bad_alloc();
  }
  made.fetch_add(1, std::memory_order_relaxed);
  void* memory = alignment > alignof(std::max_align_t)
                     ? std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)
                     : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  released.fetch_add(1, std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return take(size, 0); }
void* operator new[](std::size_t size) { return take(size, 0); }
void* operator new(std::size_t size, std::align_val_t a) {
  return take(size, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t size, std::align_val_t a) {
  return take(size, static_cast<std::size_t>(a));
}
// Without these two, a sanitizer's own would be used, and what they gave would come back to us: std::stable_sort asks so.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept try {
  return take(size, 0);
} catch (const std::bad_alloc&) {
  return nullptr;
}
void* operator new[](std::size_t size, const std::nothrow_t& nothrow) noexcept {
  return operator new(size, nothrow);
}
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }

namespace treadle::testing::heap {

std::size_t blocks_made() noexcept { return made.load(); }
std::size_t blocks_released() noexcept { return released.load(); }

void fail_after(std::size_t count) noexcept { left_until_failure = count; }
void fail_no_more() noexcept { left_until_failure = kNever; }

// Counting down from 0 has given the largest number there is.
bool has_failed() noexcept { return left_until_failure == kNever; }

}  // namespace treadle::testing::heap
