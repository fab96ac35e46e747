// server.hpp: what all our servers do alike before they serve anybody.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "support/command_line.hpp"
#include "treadle/socket.hpp"

namespace examples {

struct ServerOptions {
  std::string host = "127.0.0.1";  // this machine only, unless told otherwise
  std::uint16_t port;

  explicit ServerOptions(std::uint16_t standard_port) : port(standard_port) {}
};

/// Adds --host and --port.
void add_server_options(CommandLine& line, ServerOptions& options);

/// Runs `serve_all` on a loop of its own. An error that ends it ends the program: one sentence on
/// stderr, and status 1.
void run_server(treadle::Coro<> serve_all);

/// Listens, and prints `listening on 127.0.0.1:8000`. Where that cannot be, ends the program with
/// a sentence that says why and what to do.
treadle::Socket listen_or_exit(const ServerOptions& options);

/// The next client. If none can be accepted just now, because there is no descriptor left for it or
/// the network has failed, says so and tries again a little later: connected clients must not suffer
/// from it.
treadle::Coro<treadle::Socket> accept_client(treadle::Socket& listener);

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
