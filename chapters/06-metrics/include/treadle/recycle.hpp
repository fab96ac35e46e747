// recycle.hpp: memory that is used again without asking malloc for it.
//
// A loop makes coroutine frames, task blocks and callbacks, and destroys them as fast: a few sizes,
// over and over, mostly the last one first. malloc serves every program there is and cannot know
// that. We can: what is destroyed rests in a list of its size class, and the next of that size is
// made of it. To take one and to give it back are a few instructions each, and the memory that comes
// back is the one that the processor still has in its cache.
//
// Each thread has lists of its own, so there is no lock. What is freed on another thread than it was
// made on rests there.
//
// Invariants
//   1. A block in a list is free, and is as large as its class: a multiple of kStep bytes.
//   2. The blocks of one class that rest on one thread come to at most kMostResting bytes; what is
//      freed beyond that goes back to malloc.
//   3. All that rests on a thread goes back when the thread ends. What is freed on it later still
//      goes straight back.
//
// Off under the sanitizers, which could not tell a block's second life from its first, and in a
// library that was built with TREADLE_NO_RECYCLING, for valgrind: then it is operator new and no
// more.
//
// Thread safety: all of it may be used from any thread.
// Cost: memory that a program once needed is kept for it, within the bound of invariant 2.
// Source: the idea is of SunOS, "The Slab Allocator", Bonwick 1994; Asio recycles its frames so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace treadle {

/// Which sizes are recycled together: those that need as many steps of kStep bytes.
struct SizeClass {
  static constexpr std::size_t kStep = 64;
  static constexpr std::size_t kClasses = 32;

  constexpr explicit SizeClass(std::size_t size) noexcept : index((size - 1) / kStep) {}

  /// False for what is so large that it goes to malloc.
  constexpr bool recycled() const noexcept { return index < kClasses; }

  /// Of its blocks, in bytes.
  constexpr std::size_t size() const noexcept { return (index + 1) * kStep; }

  std::size_t index;
};

/// A block of a class, for `size` bytes of which the class is known.
void* take_of_class(SizeClass size_class, std::size_t size);
void give_back_to_class(SizeClass size_class, void* memory, std::size_t size) noexcept;

/// Memory of `size` bytes, aligned as operator new aligns. Throws std::bad_alloc. Where the compiler
/// knows the size, as it mostly does, it knows the class.
inline void* take_recycled(std::size_t size) {
  return SizeClass(size).recycled() ? take_of_class(SizeClass(size), size) : ::operator new(size);
}

/// Gives back what take_recycled(size) gave, on whatever thread.
inline void give_back_recycled(void* memory, std::size_t size) noexcept {
  if (SizeClass(size).recycled()) {
    give_back_to_class(SizeClass(size), memory, size);
  } else {
    ::operator delete(memory);
  }
}

/// What recycling did, all threads together.
struct RecycleStatistics {
  std::uint64_t reused = 0;  ///< how often a block was made of one that rested, by living threads
  std::size_t resting = 0;   ///< how many blocks rest
  std::size_t resting_bytes = 0;
};

/// A snapshot. Exact where no other thread allocates meanwhile.
RecycleStatistics recycle_statistics() noexcept;

/// Gives all that rests on this thread back to malloc.
void release_recycled() noexcept;

/// Lets objects of a class and of those derived from it be made of recycled memory. Needs a virtual
/// destructor, or that objects are deleted as what they are.
class Recycled {
 public:
  static void* operator new(std::size_t size) { return take_recycled(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    give_back_recycled(memory, size);
  }

  // An object with an alignment of its own is rare, and malloc's business.
  static void* operator new(std::size_t size, std::align_val_t alignment) {
    return ::operator new(size, alignment);
  }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

 protected:
  Recycled() noexcept = default;
  ~Recycled() = default;
};

}  // namespace treadle
