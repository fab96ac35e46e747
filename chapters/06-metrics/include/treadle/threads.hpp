// threads.hpp: who else there is in this process.
//
// A loop with nothing to do may sleep in peace as long as somebody is left who could bring it
// something. Where there is no other thread, nobody ever will.
//
// Thread safety: all of it may be used from any thread.
// Source: proc(5), /proc/self/task; <sys/single_threaded.h> of glibc 2.32.
#pragma once

#include <cstddef>

namespace treadle {

/// True where it is certain, and known for next to nothing, that this is the only thread.
bool is_only_thread() noexcept;

/// How many threads there are beside this one and those that only wait for others to give them work.
/// One, where the system does not say.
std::size_t count_other_threads() noexcept;

/// So many more threads only wait for others to give them work; or fewer, where it is negative.
void note_waiting_for_work(std::ptrdiff_t change) noexcept;

}  // namespace treadle
