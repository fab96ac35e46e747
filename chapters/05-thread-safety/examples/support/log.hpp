// log.hpp: lines for stdout and stderr that never make a server wait.
//
// A pipe holds 64 KiB. If its reader stops, the next write blocks, and with it the loop's thread and
// all clients; a terminal that was stopped with Ctrl-S does the same. So a line goes into a buffer, and
// out of it only while poll(2) says that the descriptor takes it. What is left is written by the loop,
// which waits for the descriptor as it waits for sockets. O_NONBLOCK belongs to the open file, which the
// shell that started us uses as well. A terminal, of which poll(2) promises too much, is therefore
// opened a second time.
//
// Invariants
//   1. say() does not block.
//   2. Lines come out whole and in order. If some had no room, a line in their place counts them.
//
// Thread safety: none.
// Source: poll(2); pipe(7) for PIPE_BUF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "treadle/event_loop.hpp"
#include "treadle/unique_fd.hpp"

namespace examples {

class Log final : public treadle::FdWaiter {
 public:
  explicit Log(int fd) noexcept;

  /// Writes `line` now or as soon as the descriptor takes it. A line that cannot be written, because
  /// the reader is gone or the disk is full, is lost.
  void say(std::string_view line);

  /// From now on `loop` writes what is left over. It must not be destroyed before detach().
  void attach(treadle::EventLoop& loop);

  /// Writes what is left over as long as it is read, and leaves the loop.
  void detach() noexcept;

  bool try_again() noexcept override;

 private:
  bool takes_more(int milliseconds) const noexcept;
  void write_some() noexcept;
  void count_dropped();

  const treadle::UniqueFd terminal_;  // if it is one
  const int fd_;
  treadle::Registration registration_{fd_};
  treadle::EventLoop* loop_ = nullptr;
  std::string waiting_;      // lines, each with its end
  std::size_t dropped_ = 0;  // and so many behind them
};

}  // namespace examples
