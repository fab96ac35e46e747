#include "asio_kit.hpp"

#include <array>

using asio::ip::tcp;

static asio::awaitable<void> serve_client(tcp::socket socket) {
  socket.set_option(tcp::no_delay(true));
  std::array<char, bench::kBuffer> buffer;
  for (;;) {
    asio::error_code error;
    std::size_t const n = co_await socket.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    co_await asio::async_write(socket, asio::buffer(buffer.data(), n),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

static asio::awaitable<void> accept_clients(tcp::acceptor& acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve_client(std::move(socket)), peer::rethrow);
  }
}

BENCH(echo) {
  (void)run;
  asio::io_context context(1);
  tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  bench::announce_port(acceptor.local_endpoint().port());
  peer::run(accept_clients(acceptor), context);
}
