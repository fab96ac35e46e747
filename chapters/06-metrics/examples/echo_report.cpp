// echo_report: an echo server that says in the end what each of its clients has cost.
//
//   echo_report --port 7000 --json report.json &
//   echo_client --port 7000 --connections 100 --bytes 1000000
//   kill -INT %1
//
// It serves as echo_server does. But the loop keeps times, each task has a name and remembers for
// whom it works, and the last thing that becomes of a task is an entry in a ledger.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "support/command_line.hpp"
#include "support/server.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/json.hpp"
#include "treadle/report.hpp"
#include "treadle/socket.hpp"

using namespace treadle;

namespace {

// ---- The ledger

struct Entry {
  TaskMetrics cost;
  std::string client;
  std::size_t bytes;
};

// Of all who have come and gone, the dearest: a server that lives for a year keeps no more.
class Ledger {
 public:
  explicit Ledger(std::size_t most) : most_(most) {}

  void enter(const AnyTask& task) {
    entries_.push_back({task.metrics(), task.context<std::string>("client").value_or(""),
                        task.context<std::size_t>("bytes").value_or(0)});
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.cost.execution > b.cost.execution; });
    if (entries_.size() > most_) entries_.resize(most_);
  }

  std::string table() const;
  std::string json() const;

 private:
  std::size_t most_;
  std::vector<Entry> entries_;
};

std::string Ledger::table() const {
  std::string text = fmt::format("{:<10} {:<21} {:>9} {:>6} {:>7} | {:>7} {:>7} {:>11} | {:>12}\n",
                                 "task", "client", "bytes", "steps", "ran", "read", "write",
                                 "ready-queue", "longest step");
  for (const auto& [cost, client, bytes] : entries_) {
    const WaitTimes& waits = cost.waits;
    text += fmt::format("{:<10} {:<21} {:>9} {:>6} {:>7} | {:>7} {:>7} {:>11} | {:>12}\n",
                        cost.name, client, bytes, cost.suspends + 1, short_time(cost.execution),
                        short_time(waits[WaitReason::kRead]), short_time(waits[WaitReason::kWrite]),
                        short_time(waits[WaitReason::kReady]), short_time(cost.longest_step));
  }
  return text;
}

std::string Ledger::json() const {
  std::vector<std::string> tasks;
  for (const auto& [cost, client, bytes] : entries_) {
    JsonObject entry;
    entry.add("client", client).add("bytes", bytes).add_json("cost", to_json(cost));
    tasks.push_back(entry.text());
  }
  return json_array(tasks);
}

// ---- The server

Coro<std::size_t> echo(Socket& client) {
  std::array<char, 16384> buffer;
  std::size_t bytes = 0;
  while (const std::size_t count = co_await ReadSocket(client, buffer)) {
    co_await write_all(client, std::string_view(buffer.data(), count));
    bytes += count;
    co_await yield_now();
  }
  co_return bytes;
}

Coro<> serve(Socket client) {
  const AnyTask self = co_await get_current_task();
  self.add_context("client", client.peer().to_string());
  try {
    self.add_context("bytes", co_await echo(client));
  } catch (const std::system_error& error) {
    examples::say(stderr, error.what());
  }
}

Coro<> let_in(examples::ServerOptions options, Ledger& ledger) {
  EventLoop& loop = co_await get_running_loop();
  Socket listener = examples::listen_or_exit(options);
  for (int number = 1;; ++number) {
    Socket client = co_await examples::accept_client(listener);
    const EnhancedTask<> task =
        loop.create_task(serve(std::move(client)), fmt::format("client-{}", number));
    task.add_done_callback([&ledger](const AnyTask& done) { ledger.enter(done); });
  }
}

void write_json(const std::string& path, const Ledger& ledger, const LoopMetrics& loop) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) examples::exit_with(1, fmt::format("cannot write to {}.", path));
  JsonObject report;
  report.add_json("loop", to_json(loop)).add_json("tasks", ledger.json());
  fmt::print(file, "{}\n", report.text());
  std::fclose(file);
}

}  // namespace

int main(int argc, char** argv) {
  examples::ServerOptions options(7000);
  std::size_t top = 10;
  std::string json;
  examples::CommandLine line("Echoes, and says in the end what each client has cost.");
  examples::add_server_options(line, options);
  line.option("--top", top, "how many clients to report, the dearest first");
  line.option("--json", json, "a file for the report as JSON");
  line.parse(argc, argv);

  Ledger ledger(top);
  EventLoop loop({.timing = true});
  const examples::LogWriter writer(loop);
  const Task<> server = loop.create_task(let_in(options, ledger), "let_in");
  for (const int signal : {SIGINT, SIGTERM}) loop.cancel_on_signal(signal, server);
  loop.run_until_done(server);
  try {
    if (!server.cancelled()) server.result();
  } catch (const std::exception& error) {
    examples::exit_with(1, fmt::format("{}.", error.what()));
  }
  loop.close(options.grace);

  fmt::print("{}\n{}", ledger.table(), to_table(loop.metrics()));
  if (!json.empty()) write_json(json, ledger, loop.metrics());
}
