#include "treadle_kit.hpp"

#include <array>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "treadle/socket.hpp"

static treadle::Coro<> serve_client(treadle::Socket client) {
  std::array<char, bench::kBuffer> buffer;
  try {
    for (;;) {
      std::size_t const n = co_await treadle::ReadSocket(client, std::span<char>(buffer));
      if (n == 0) co_return;
      co_await treadle::write_all(client, std::string_view(buffer.data(), n));
    }
  } catch (std::system_error const&) {
    // The client vanished; the others go on.
  }
}

static treadle::Coro<> accept_clients(treadle::Socket listener) {
  treadle::EventLoop& loop = co_await treadle::get_running_loop();
  for (;;) loop.create_task(serve_client(co_await treadle::AcceptSocket(listener)));
}

BENCH(echo) {
  (void)run;
  treadle::Socket listener = treadle::listen_tcp(treadle::Address("127.0.0.1", 0));
  bench::announce_port(listener.local_address().port());
  stage::run(accept_clients(std::move(listener)));
}
