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
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "support/duration.hpp"
#include "support/log.hpp"
#include "treadle/sleep.hpp"

namespace examples {

using namespace treadle;

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

// How many descriptors this process has open.
std::size_t open_descriptors() {
  std::error_code none;  // where there is no such folder, there is nothing to compare
  using Entries = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Entries("/dev/fd", none), Entries()));
}

void run_until_told(Coro<> serve_all) {
  EventLoop loop;
  const LogWriter writer(loop);
  const Task<> task = loop.create_task(std::move(serve_all));
  for (const int signal : {SIGINT, SIGTERM}) loop.cancel_on_signal(signal, task);
  loop.run_until_done(task);
  // Taken before the loop closes, which reports every error that was not retrieved.
  const std::exception_ptr error = task.cancelled() ? nullptr : task.exception();
  loop.close();
  if (error) std::rethrow_exception(error);
}

}  // namespace

void add_server_options(CommandLine& line, ServerOptions& options) {
  line.option("--host", options.host, "the address to listen on");
  line.option("--port", options.port, "the port to listen on; 0 takes any that is free");
  line.option("--grace", options.grace, "how long clients may finish when the server stops");
}

void run_server(Coro<> serve_all) {
  const std::size_t before = open_descriptors();
  try {
    run_until_told(std::move(serve_all));
  } catch (const std::exception& error) {
    exit_with(1, fmt::format("{}.", error.what()));
  }
  // Counted and not believed: a leak that nobody counts shows after a month, by a server that
  // cannot open anything any more.
  const std::size_t after = open_descriptors();
  if (after > before)
    exit_with(1, fmt::format("{} descriptors have not been closed.", after - before));
}

Socket listen_or_exit(const ServerOptions& options) {
  // Whoever reads what we print may go away; that is no reason to be killed.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    Socket listener = listen_tcp({options.host, options.port});
    say(stdout, "listening on " + listener.local_address().to_string());
    return listener;
  } catch (const std::system_error& error) {
    const std::string what = advice(error.code().value(), options);
    exit_with(1, (what.empty() ? error.what() : what) + ".");
  } catch (const std::invalid_argument& error) {
    exit_with(2, fmt::format("--host: {}.", error.what()));
  }
}

Coro<Socket> accept_client(Socket& listener) {
  static Complaint complaint;
  int failure = 0;
  for (;;) {
    try {
      co_return co_await AcceptSocket(listener);
    } catch (const std::system_error& error) {
      failure = error.code().value();
      if (is_final(failure)) throw;
    }
    complaint.say(describe(failure));
    co_await Sleep(kAcceptPause);
  }
}

void Clients::add(EventLoop& loop, const Address& address, Coro<> serve) {
  const Task<> task = loop.create_task(std::move(serve));
  clients_.insert({task.id(), {address.to_string(), task}});
  task.add_done_callback([this, id = task.id()] { clients_.erase(id); });
}

Coro<> Clients::finish(Delay grace) {
  EventLoop& loop = co_await get_running_loop();
  const AnyTask self = co_await get_current_task();
  leaving_ = true;
  send_the_idle_away(self.label());
  announce(grace.in_nanoseconds());
  try {
    const Deadline deadline(loop, self, grace);
    co_await all_gone();
  } catch (const CancelledError&) {
    // Time is up. Or we are asked a second time, and then it is up as well.
  }
  cut_off_the_rest();
}

void Clients::send_the_idle_away(const std::string& by) {
  for (CancelScope* idle : idle_)
    idle->cancel(CancelledError("the server stops", CancelOrigin::kTask, by));
}

void Clients::announce(Clock::duration grace) const {
  if (size() == 0) return;
  say(stderr, fmt::format("{} connected: to finish, there is {} (Ctrl-C again leaves at once)",
                          size() == 1 ? "1 client is" : fmt::format("{} clients are", size()),
                          to_string(grace)));
}

Coro<> Clients::all_gone() {
  std::vector<Task<>> tasks;  // of our own, as those who leave are taken off the list
  tasks.reserve(clients_.size());
  for (const auto& [id, client] : clients_) tasks.push_back(client.task);
  for (const Task<>& task : tasks) co_await task.finished();
}

void Clients::cut_off_the_rest() {
  for (const auto& [id, client] : clients_) {
    if (client.task.done()) continue;  // he has left, and will be taken off the list
    const std::string place = client.task.waits_for();
    say(stderr,
        fmt::format("{} did not finish, and is cut off: {} {}", client.address, client.task.label(),
                    place.empty() ? "was busy" : "waited for " + place));
    client.task.cancel("the server stops");
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

LogWriter::LogWriter(EventLoop& loop) {
  for (std::FILE* where : {stdout, stderr}) log_of(where).attach(loop);
  loop.set_exception_handler(
      [](const ErrorContext& context) { say(stderr, "treadle: " + describe(context)); });
}

LogWriter::~LogWriter() {
  for (std::FILE* where : {stdout, stderr}) log_of(where).detach();
}

void say(std::FILE* where, const std::string& line) { log_of(where).say(line); }

}  // namespace examples
