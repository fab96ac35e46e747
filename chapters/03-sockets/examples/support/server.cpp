#include "support/server.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "support/log.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"

namespace examples {

using treadle::Clock;
using treadle::Socket;

namespace {

constexpr std::chrono::seconds kQuiet(5);

Log out(STDOUT_FILENO);
Log errors(STDERR_FILENO);

Log& log_of(std::FILE* where) { return where == stderr ? errors : out; }

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

// Whether an error of accept(2) says that the listening socket can never be used: a mistake of this
// program. Every other one belongs to one client or to the moment, and accept(2) says to go on. These
// few are listed because the others differ from system to system. ECANCELED means that it was closed.
bool is_final(int error) {
  constexpr std::array kFinal{EBADF, ENOTSOCK, EINVAL, EFAULT, ECANCELED};
  return std::find(kFinal.begin(), kFinal.end(), error) != kFinal.end();
}

std::string describe(int error) {
  if (error != EMFILE && error != ENFILE)
    return fmt::format("a client could not be accepted: {}",
                       std::generic_category().message(error));
  return "too many open files: new clients wait until others leave (`ulimit -n` sets the limit)";
}

}  // namespace

void add_server_options(CommandLine& line, ServerOptions& options) {
  line.option("--host", options.host, "the address to listen on");
  line.option("--port", options.port, "the port to listen on; 0 takes any that is free");
}

void run_server(treadle::Coro<> serve_all) {
  try {
    treadle::EventLoop loop;
    const LogWriter writer(loop);
    loop.run_until_complete(std::move(serve_all));
  } catch (const std::exception& error) {
    exit_with(1, fmt::format("{}.", error.what()));
  }
}

Socket listen_or_exit(const ServerOptions& options) {
  // Whoever reads what we print may go away; that is no reason to be killed.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Socket listener = treadle::listen_tcp({options.host, options.port});
    say(stdout, "listening on " + listener.local_address().to_string());
    return listener;
  } catch (const std::system_error& error) {
    const std::string what = advice(error.code().value(), options);
    exit_with(1, (what.empty() ? error.what() : what) + ".");
  } catch (const std::invalid_argument& error) {
    exit_with(2, fmt::format("--host: {}.", error.what()));
  }
}

treadle::Coro<Socket> accept_client(Socket& listener) {
  static Complaint complaint;
  int failure = 0;
  for (;;) {
    try {
      co_return co_await treadle::AcceptSocket(listener);
    } catch (const std::system_error& error) {
      failure = error.code().value();
      if (is_final(failure)) throw;
    }
    complaint.say(describe(failure));
    co_await treadle::Sleep(kAcceptPause);
  }
}

std::size_t allow_descriptors() {
  constexpr rlim_t kOurs = 16;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(std::max(limit.rlim_cur, kOurs) - kOurs);
}

void Complaint::say(const std::string& line) {
  const Clock::time_point now = std::chrono::steady_clock::now();
  if (now >= quiet_until_) examples::say(stderr, line);
  quiet_until_ = now + kQuiet;
}

LogWriter::LogWriter(treadle::EventLoop& loop) {
  for (std::FILE* where : {stdout, stderr}) log_of(where).attach(loop);
  loop.set_exception_handler([](const treadle::ErrorContext& context) {
    say(stderr, "treadle: " + treadle::describe(context));
  });
}

LogWriter::~LogWriter() {
  for (std::FILE* where : {stdout, stderr}) log_of(where).detach();
}

void say(std::FILE* where, const std::string& line) { log_of(where).say(line); }

}  // namespace examples
