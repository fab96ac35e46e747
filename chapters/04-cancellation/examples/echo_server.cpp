// echo_server: sends back whatever it gets. Try it: `nc 127.0.0.1 7000`.
//
// One thread, one task for each client. A client who says nothing costs a suspended coroutine and
// a descriptor. Ctrl-C stops it: nobody is let in any more, and who is connected may finish.
#include <array>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include "support/command_line.hpp"
#include "support/server.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/socket.hpp"

using namespace treadle;

namespace {

Coro<> echo(Socket& client) {
  std::array<char, 16384> buffer;
  while (const std::size_t count = co_await ReadSocket(client, buffer)) {
    co_await write_all(client, std::string_view(buffer.data(), count));
    // Who sends faster than we echo never lets us wait, and would keep the thread for himself.
    co_await yield_now();
  }
}

Coro<> serve(Socket client) {
  try {
    co_await echo(client);
  } catch (const std::system_error& error) {
    examples::say(stderr, error.what());  // this client is lost, and no other
  }
}

Coro<> let_in(Socket& listener, examples::Clients& clients) {
  EventLoop& loop = co_await get_running_loop();
  for (;;) {
    Socket client = co_await examples::accept_client(listener);
    const Address address = client.peer();
    clients.add(loop, address, serve(std::move(client)));
  }
}

Coro<> serve_all(examples::ServerOptions options, examples::Clients& clients) {
  Socket listener = examples::listen_or_exit(options);
  try {
    co_await let_in(listener, clients);
  } catch (const CancelledError& cancelled) {
    examples::say(stderr, cancelled.message());
  }
  listener.close();
  co_await clients.finish(options.grace);
}

}  // namespace

int main(int argc, char** argv) {
  examples::ServerOptions options(7000);
  examples::CommandLine line("Sends back whatever it gets.");
  examples::add_server_options(line, options);
  line.parse(argc, argv);
  examples::Clients clients;
  examples::run_server(serve_all(options, clients));
}
