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

/// How many times fork(2) was called between the first process that used this library and this one. A
/// process has another number than its parent; two children of one parent have the same.
inline std::uint32_t process_number() noexcept { return forks.load(std::memory_order_relaxed); }

/// Calls `f()` in each child of fork(2), before fork(2) returns there. It may do what a signal handler
/// may. Meant for the start of a program: `const bool registered = call_in_child(forget);`.
bool call_in_child(void (*f)()) noexcept;

}  // namespace treadle
