// echo_client: talks to an echo server, and prints what comes back.
//
//   echo_client --port 7000 hello            sends a line
//   echo_client --port 7000 < poem.txt       sends each line of its input
//   echo_client --port 7000 --connections 1000 --bytes 100000
//
// The last opens all connections, sends to them all at the same time, and looks at every byte
// that returns.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "support/command_line.hpp"
#include "treadle/address.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/socket.hpp"

using namespace treadle;

namespace {

constexpr std::size_t kPieceBytes = 8192;

Coro<std::string> ask(Socket& server, std::string line) {
  line += '\n';
  co_await write_all(server, line);
  std::string answer(line.size(), '\0');
  co_await read_exactly(server, answer);
  co_return answer;
}

// Standing still in std::getline() is fine here: there is nobody else on this loop.
Coro<> talk(Address address, std::string words) {
  Socket server = co_await connect_tcp(address);
  const bool one_line = !words.empty();
  std::string line = words;
  while (one_line || std::getline(std::cin, line)) {
    fmt::print("{}", co_await ask(server, line));
    std::fflush(stdout);
    if (one_line) break;
  }
}

// ---- The load

// What connection `number` sends at `offset`. No two connections send the same, and none repeats
// itself soon: bytes that are lost, swapped or another's cannot pass for right ones.
void fill(std::span<char> piece, std::size_t number, std::size_t offset) {
  for (char& c : piece) {
    const std::size_t mixed = (offset++ + number * 7919) * 2654435761u;
    c = static_cast<char>(mixed >> 16);
  }
}

// Shared, because an error ends one of the two that use a connection, or the one that made it, and
// the others still run for the rest of that turn.
using SharedSocket = std::shared_ptr<Socket>;

Coro<> send_all(SharedSocket server, std::size_t number, std::size_t bytes) {
  std::array<char, kPieceBytes> piece;
  for (std::size_t sent = 0; sent < bytes;) {
    const std::span<char> next(piece.data(), std::min(piece.size(), bytes - sent));
    fill(next, number, sent);
    co_await write_all(*server, {next.data(), next.size()});
    sent += next.size();
    co_await yield_now();
  }
  server->shutdown_write();
}

// The echo, all of it, and then the end.
Coro<> check_all(SharedSocket server, std::size_t number, std::size_t bytes) {
  std::array<char, kPieceBytes> piece, expected;
  std::size_t received = 0;
  while (const std::size_t count = co_await ReadSocket(*server, piece)) {
    fill(std::span(expected).first(count), number, received);
    const bool same = std::equal(piece.begin(), piece.begin() + count, expected.begin());
    if (!same || received + count > bytes)
      throw std::runtime_error(
          fmt::format("connection {}: a wrong byte after {}", number, received));
    received += count;
    co_await yield_now();
  }
  if (received < bytes) throw IncompleteReadError(received, bytes);
}

Coro<> exchange(SharedSocket server, std::size_t number, std::size_t bytes) {
  EventLoop& loop = co_await get_running_loop();
  Task<> sender = loop.create_task(send_all(server, number, bytes));
  co_await check_all(server, number, bytes);
  co_await sender;
}

Coro<> load(Address address, std::size_t connections, std::size_t bytes) {
  EventLoop& loop = co_await get_running_loop();
  std::vector<SharedSocket> servers;
  while (servers.size() < connections)
    servers.push_back(std::make_shared<Socket>(co_await connect_tcp(address)));

  const auto begin = loop.time();
  std::vector<Task<>> exchanges;
  exchanges.reserve(connections);
  for (std::size_t i = 0; i < connections; ++i)
    exchanges.push_back(loop.create_task(exchange(servers[i], i, bytes)));
  for (const Task<>& task : exchanges) co_await task;
  const std::chrono::duration<double> took = loop.time() - begin;
  fmt::print("{} connections, {} bytes each way on each, none lost, {:.2f} s\n", connections, bytes,
             took.count());
}

}  // namespace

int main(int argc, char** argv) {
  std::string host = "127.0.0.1";
  std::uint16_t port = 7000;
  std::size_t connections = 0, bytes = 100000;
  std::vector<std::string> words;
  examples::CommandLine line("Talks to an echo server.");
  line.option("--host", host, "the address of the server");
  line.option("--port", port, "its port");
  line.option("--connections", connections, "instead: how many to open at the same time");
  line.option("--bytes", bytes, "and how many bytes to send on each");
  line.arguments("words", words, "what to say; the lines of stdin, if nothing");
  line.parse(argc, argv);
  try {
    const Address address(host, port);
    EventLoop loop;
    loop.run_until_complete(connections > 0
                                ? load(address, connections, bytes)
                                : talk(address, fmt::format("{}", fmt::join(words, " "))));
  } catch (const std::invalid_argument& error) {
    examples::exit_with(2, fmt::format("--host: {}.", error.what()));
  } catch (const std::system_error& error) {
    const bool refused = error.code() == std::errc::connection_refused;
    examples::exit_with(
        1, fmt::format("{}.{}", error.what(), refused ? " Does echo_server run there?" : ""));
  } catch (const std::exception& error) {
    examples::exit_with(1, fmt::format("{}.", error.what()));
  }
}
