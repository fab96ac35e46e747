// thread_safe_event_loop.hpp: the loop by its full name.
//
// ThreadSafeEventLoop and EventLoop are one class, and its header keeps the name that it has had
// from the first.
//
// Thread safety: see event_loop.hpp.
#pragma once

#include "treadle/event_loop.hpp"
