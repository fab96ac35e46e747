// process.hpp: what an object knows of its process: whether it is a child of fork(2), or has threads.
//
// A child of fork(2) has a copy of its parent's memory, and only the thread that called fork(2). A mutex
// that another thread held stays locked for ever. So an object that several threads share notes the
// number of the process in which it was made. If the number has changed, it does not touch its mutex.
//
// Thread safety: all of it may be used from any thread.
// Source: fork(2), pthread_atfork(3); <sys/single_threaded.h> of glibc 2.32.
#pragma once

#include <atomic>
#include <cstdint>

namespace treadle {

/// What process_number() reads.
extern std::atomic<std::uint32_t> forks;

/// How many times fork(2) was called between the process that first called note_process() and this one.
/// A process has another number than its parent; two children of one parent have the same.
inline std::uint32_t process_number() noexcept { return forks.load(std::memory_order_relaxed); }

/// The same. Forks are counted from the first call on.
std::uint32_t note_process() noexcept;

/// Calls `f()` in each child of fork(2), before fork(2) returns there. It may do what a signal handler
/// may. To be called once: `static const bool registered = call_in_child(forget);`.
bool call_in_child(void (*f)()) noexcept;

/// True until the process starts its first thread; where the system does not tell, until a thread pool
/// starts one.
bool is_single_threaded() noexcept;

/// A thread pool starts a thread.
void note_thread() noexcept;

}  // namespace treadle
