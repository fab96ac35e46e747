// stuck: a program that hangs, on purpose. What it waits for is not in the code that one looks at
// first; the task tree says it.
//
// An order is shipped when it is packed and paid for. It is packed when the bank has said yes. And
// the bank is a server that lets one in and then says nothing.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"
#include "treadle/task_tree.hpp"

using namespace treadle;
using namespace std::chrono_literals;

namespace {

// ---- Three tasks, each a few Coros deep

Coro<std::string> read_line(Socket& socket) {
  std::string line;
  std::array<char, 1> next;
  while (co_await ReadSocket(socket, next) > 0 && next[0] != '\n') line += next[0];
  co_return line;
}

Coro<bool> ask_bank(Socket& bank, int cents) {
  const std::string question = fmt::format("may I have {}?\n", cents);
  co_await write_all(bank, question);
  co_return co_await read_line(bank) == "yes";
}

Coro<bool> pay(Address address, int cents) {
  Socket bank = co_await connect_tcp(address);
  co_return co_await ask_bank(bank, cents);
}

Coro<> wrap(Task<bool> paid) {
  if (const bool yes = co_await paid; yes) fmt::print("packed\n");
}

Coro<> pack(Task<bool> paid) { co_await wrap(paid); }

Coro<> both(Task<bool> paid, Task<> packed) {
  co_await paid;
  co_await packed;
}

Coro<> ship(Task<bool> paid, Task<> packed) {
  co_await both(paid, packed);
  fmt::print("shipped\n");
}

// ---- And one who looks at them

Coro<> look(Task<bool> paid) {
  EventLoop& loop = co_await get_running_loop();
  co_await Sleep(200ms);
  fmt::print("{}", task_tree(loop));
  fmt::print("\nthe stack of {}:\n", paid.name());
  for (const StackEntry& entry : paid.stack()) fmt::print("  {}\n", to_string(entry));
}

}  // namespace

int main() {
  EventLoop loop({.timing = true});
  const Socket bank = listen_tcp({"127.0.0.1", 0});  // nobody ever accepts
  const Task<bool> paid = loop.create_task(pay(bank.local_address(), 1999), "pay");
  const Task<> packed = loop.create_task(pack(paid), "pack");
  loop.create_task(ship(paid, packed), "ship");
  loop.run_until_complete(loop.create_task(look(paid), "look"));
}
