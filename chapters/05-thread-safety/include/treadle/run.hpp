// run.hpp: a program that is one coroutine.
//
// Thread safety: one thread runs one loop; run() makes the loop of the thread that calls it. Several
// threads may call it at once.
// Source: asyncio.run; for the end by the signal itself, "Proper handling of SIGINT/SIGQUIT" by
// Martin Cracauer.
#pragma once

#include <csignal>
#include <utility>

#include "treadle/event_loop.hpp"

namespace treadle {

/// True on the main thread if SIGINT (Ctrl-C) still has its default action. It has not in a process
/// that a shell has put into the background, which ignores it.
bool may_take_ctrl_c() noexcept;

/// Ends the process by the signal that cancelled `task`, as if nobody had ever handled it; does
/// nothing where the task ended in another way.
void leave_by_signal_that_cancelled(const AnyTask& task);

/// Runs `main` on a loop of its own, closes the loop, and gives the value of `main` or throws its
/// error: `int main() { return treadle::run(serve()); }`.
///
/// The first Ctrl-C (SIGINT) cancels `main`, which may clean up and await in doing so. The second
/// ends the process at once, whatever it is doing. Where CancelledError comes out of `main` because
/// of a Ctrl-C, the loop is closed, and then the process ends by SIGINT, as every program does whose
/// user presses Ctrl-C: the shell sees that, and a script that called us stops as well. The same
/// holds for other signals that cancel `main`. Who wants to end otherwise catches CancelledError in
/// `main`.
///
/// SIGINT belongs to the whole process. So all this holds on the main thread only, and only if SIGINT has
/// its default action: a process that ignores it goes on to, and a handler of the program's own
/// stays. Throws as EventLoop::run_until_complete().
template <class T>
T run(Coro<T> main) {
  EventLoop loop;
  Task<T> task = loop.create_task(std::move(main));
  if (may_take_ctrl_c()) loop.cancel_on_signal(SIGINT, task);
  loop.run_until_done(task);
  task.block().mark_retrieved();  // it goes to our caller, and need not be reported as well
  loop.close();
  leave_by_signal_that_cancelled(task);
  return std::move(task).take();
}

}  // namespace treadle
