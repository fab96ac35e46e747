#include "support/server.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "treadle/sleep.hpp"

namespace examples {

using treadle::Socket;

namespace {

std::string advice(int error, const ServerOptions& options) {
  switch (error) {
    case EADDRINUSE:
      return fmt::format(
          "port {} is in use by another program (`ss -ltnp` shows which). Stop that, or choose "
          "another port with --port; --port 0 takes any that is free",
          options.port);
    case EACCES:
      return fmt::format("port {} is reserved for root. Choose one from 1024 on with --port",
                         options.port);
    case EADDRNOTAVAIL:
      return fmt::format("{} is no address of this machine. --host 127.0.0.1 always is",
                         options.host);
    default:
      return "";
  }
}

bool is_out_of_descriptors(const std::system_error& error) {
  const int code = error.code().value();
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

// The next client, or none where there is no descriptor for him.
treadle::Coro<std::optional<Socket>> try_accept(Socket& listener) {
  std::optional<Socket> client;
  try {
    client = co_await treadle::AcceptSocket(listener);
  } catch (const std::system_error& error) {
    if (!is_out_of_descriptors(error)) throw;
  }
  co_return client;
}

}  // namespace

void add_server_options(CommandLine& line, ServerOptions& options) {
  line.option("--host", options.host, "the address to listen on");
  line.option("--port", options.port, "the port to listen on; 0 takes any that is free");
}

Socket listen_or_exit(const ServerOptions& options) {
  // Whoever reads what we print may go away; that is no reason to be killed.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Socket listener = treadle::listen_tcp({options.host, options.port});
    fmt::print("listening on {}\n", listener.local_address().to_string());
    std::fflush(stdout);  // whoever started us may wait for this line to learn the port
    return listener;
  } catch (const std::system_error& error) {
    const std::string what = advice(error.code().value(), options);
    exit_with(1, (what.empty() ? error.what() : what) + ".");
  } catch (const std::invalid_argument& error) {
    exit_with(2, fmt::format("--host: {}.", error.what()));
  }
}

treadle::Coro<Socket> accept_client(Socket& listener) {
  bool told = false;
  for (;;) {
    std::optional<Socket> client = co_await try_accept(listener);
    if (client) co_return std::move(*client);
    // Said once and not ten times a second.
    if (!told) {
      fmt::print(stderr,
                 "too many open files: new clients wait until one of the others leaves "
                 "(`ulimit -n` sets how many there may be)\n");
    }
    told = true;
    co_await treadle::Sleep(kAcceptPause);
  }
}

}  // namespace examples
