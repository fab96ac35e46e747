// process.hpp: which process this is, as fork(2) makes two of one.
//
// A child of fork(2) has a copy of all that its parent had in memory, and one thread: of all others
// there is nothing left but what they were about. A mutex that one of them held stays locked. So what
// belongs to several threads notes the number of the process that made it, and in a child keeps its
// hands off.
//
// Thread safety: all of it may be used from any thread.
// Source: fork(2), pthread_atfork(3).
#pragma once

#include <atomic>
#include <cstdint>

namespace treadle {

/// What process_number() reads.
extern std::atomic<std::uint32_t> forks;

/// How many times fork(2) was called between the process that first called note_process() and this one.
/// A process has another number than its parent; two children of one parent have the same.
inline std::uint32_t process_number() noexcept { return forks.load(std::memory_order_relaxed); }

/// The same, and from now on children are counted: for what has to know whether it is in a child.
std::uint32_t note_process() noexcept;

/// Calls `f()` in each child of fork(2), before fork(2) returns there. It may do what a signal handler
/// may. To be called once: `static const bool registered = call_in_child(forget);`.
bool call_in_child(void (*f)()) noexcept;

}  // namespace treadle
