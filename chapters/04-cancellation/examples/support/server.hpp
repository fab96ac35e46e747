// server.hpp: what all our servers do alike before they serve anybody, and when they stop.
//
// A server that is told to stop does not drop what it holds. It lets nobody in any more; those who
// have nothing under way leave at once; the others have a grace period to finish; whoever is left
// then is cut off, by name. Who cannot wait for that presses Ctrl-C a second time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>

#include "support/command_line.hpp"
#include "support/deadline.hpp"
#include "treadle/socket.hpp"

namespace examples {

struct ServerOptions {
  std::string host = "127.0.0.1";  // this machine only, unless told otherwise
  std::uint16_t port;
  std::chrono::nanoseconds grace = std::chrono::seconds(3);

  explicit ServerOptions(std::uint16_t standard_port) : port(standard_port) {}
};

/// Adds --host, --port and --grace.
void add_server_options(CommandLine& line, ServerOptions& options);

/// Runs `serve_all` on a loop of its own. The first Ctrl-C (SIGINT) cancels it, and so does the first
/// plain `kill` (SIGTERM); the second of the same kind ends the process at once. Its having been
/// cancelled is a good end; an error ends the program: one sentence on stderr, and status 1.
void run_server(treadle::Coro<> serve_all);

/// Listens, and prints `listening on 127.0.0.1:8000`. Where that cannot be, ends the program with
/// a sentence that says why and what to do.
treadle::Socket listen_or_exit(const ServerOptions& options);

/// The next client. If none can be accepted just now, because there is no descriptor left for it or
/// the network has failed, says so and tries again a little later: connected clients must not suffer
/// from it.
treadle::Coro<treadle::Socket> accept_client(treadle::Socket& listener);

/// Those who are connected, each with the task that serves him. Must outlive the loop: the last of
/// them may leave while that closes.
class Clients {
 public:
  /// Makes a task of `serve`, for the client with this address.
  void add(treadle::EventLoop& loop, const treadle::Address& address, treadle::Coro<> serve);

  std::size_t size() const noexcept { return clients_.size(); }

  /// True from finish() on: who has finished leaves.
  bool leaving() const noexcept { return leaving_; }

  /// A client of whom nothing is under way, for as long as this lives. finish() cancels his wait.
  class Idle;

  /// Waits until all have left, but no longer than `grace`. Then cancels the rest, and says who they
  /// are and what each waited for. Cancelled, it does not wait any longer either.
  treadle::Coro<> finish(treadle::Delay grace);

 private:
  struct Client {
    std::string address;
    treadle::Task<> task;
  };

  void send_the_idle_away(const std::string& by);
  void announce(treadle::Clock::duration grace) const;
  treadle::Coro<> all_gone();
  void cut_off_the_rest();

  std::map<treadle::TaskBlock::Id, Client> clients_;
  std::set<CancelScope*> idle_;
  bool leaving_ = false;
};

class Clients::Idle {
 public:
  Idle(Clients& clients, treadle::AnyTask task) : clients_(clients), scope_(std::move(task)) {
    clients_.idle_.insert(&scope_);
  }
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;
  ~Idle() { clients_.idle_.erase(&scope_); }

 private:
  Clients& clients_;
  CancelScope scope_;
};

/// Raises the number of descriptors that this process may have as far as it is allowed to, and gives
/// how many that leaves for clients.
std::size_t allow_descriptors();

/// Prints a line on stdout or stderr, at once if it can be printed without blocking. The server goes on
/// whether or not it is read.
void say(std::FILE* where, const std::string& line);

/// While it lives, `loop` prints what could not be printed at once, and what its exception handler is
/// told.
class LogWriter {
 public:
  explicit LogWriter(treadle::EventLoop& loop);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();
};

/// What is said on stderr when it begins, and not ten times a second for as long as it lasts.
class Complaint {
 public:
  void say(const std::string& line);

 private:
  treadle::Clock::time_point quiet_until_;
};

/// How long to leave clients in the kernel's queue when there is no room for them.
inline constexpr auto kAcceptPause = std::chrono::milliseconds(100);

}  // namespace examples
