// completion.hpp: what is told that a task is done.
//
// Tasks that await it, callbacks, and whatever else will want to know of an end are in one list,
// in the order in which they came. A node of the list is an object that its owner has anyway, so
// to wait for a task allocates nothing.
//
// Thread safety: none. One loop, one thread.
// Source: the callbacks of asyncio's Future, which its awaiting tasks are among; the wait queues of
// the Linux kernel (linux/wait.h): each entry has its own function.
#pragma once

#include "treadle/intrusive_list.hpp"

namespace treadle {

class TaskBlock;

/// A node of a task's list of completions.
class Completion : public ListLink {
 public:
  /// `task` is done. Called once, in the step that ends the task, or when the closing loop destroys the
  /// task. The node has left the list before, and may destroy itself. Runs no user code: it makes ready
  /// what is to run.
  virtual void on_done(TaskBlock& task) noexcept = 0;

 protected:
  Completion() noexcept = default;
  ~Completion() = default;
};

}  // namespace treadle
