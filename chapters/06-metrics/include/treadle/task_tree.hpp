// task_tree.hpp: who waits for whom, and for what, as people read it.
//
// A program that hangs does nothing, and that is all a debugger can show of it: one thread, asleep in
// poll(2). What it waits for is known to the tasks. Written below each other, each task above the one
// whose end it waits for, they say at the bottom of every branch what it really is that does not come:
//
//   main: suspended, waits for fetch, 2.30s old
//       at program (fetch.cpp:40)
//   └─ fetch: suspended, waits for recv from 127.0.0.1:8000, 2.30s old
//          at fetch (fetch.cpp:12)
//          at read_line (fetch.cpp:5)
//      also awaited by logger
//   logger: suspended, waits for fetch, see above
//
// Tasks that wait for each other in a circle are said to. Of a long chain both ends are shown, and how
// many tasks are between them.
//
// Cost: linear in the number of tasks.
// Thread safety: as ThreadSafeEventLoop::metrics().
// Source: asyncio's `python -m asyncio pstree`; the tree is drawn as tree(1) draws.
#pragma once

#include <string>

#include "treadle/event_loop.hpp"

namespace treadle {

/// The tasks of `loop` that are not done; a line that says so where there are none. How old they are is
/// there where the loop keeps times. May be asked from any thread but one that runs another loop;
/// throws TimeoutError where the loop takes a step that does not end within `patience`.
std::string task_tree(const EventLoop& loop, Delay patience = Inbox::kTimeout);

}  // namespace treadle
