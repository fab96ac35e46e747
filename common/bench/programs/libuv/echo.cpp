// Callbacks, one shared read buffer, and a direct write with uv_try_write: the usual fast libuv server.
#include <bench.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <uv.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace {

std::array<char, bench::kBuffer> shared_buffer;

void check(int status, char const* call) {
  if (status >= 0) return;
  std::fprintf(stderr, "%s: %s\n", call, uv_strerror(status));
  std::exit(1);
}

void lend_buffer(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  *buffer = uv_buf_init(shared_buffer.data(), static_cast<unsigned>(shared_buffer.size()));
}

void close_client(uv_stream_t* client) {
  uv_close(reinterpret_cast<uv_handle_t*>(client),
           [](uv_handle_t* h) { delete reinterpret_cast<uv_tcp_t*>(h); });
}

void answer(uv_stream_t* client, ssize_t n, uv_buf_t const* buffer) {
  if (n == 0) return;
  uv_buf_t reply = uv_buf_init(buffer->base, static_cast<unsigned>(n > 0 ? n : 0));
  if (n < 0 || uv_try_write(client, &reply, 1) != n) close_client(client);
}

void accept_client(uv_stream_t* listener, int status) {
  check(status, "connection");
  auto* client = new uv_tcp_t;
  check(uv_tcp_init(listener->loop, client), "uv_tcp_init");
  auto* stream = reinterpret_cast<uv_stream_t*>(client);
  check(uv_accept(listener, stream), "uv_accept");
  uv_tcp_nodelay(client, 1);
  check(uv_read_start(stream, lend_buffer, answer), "uv_read_start");
}

}  // namespace

BENCH(echo) {
  (void)run;
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  check(uv_tcp_init(loop, &listener), "uv_tcp_init");
  sockaddr_in address{};
  check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
  check(uv_tcp_bind(&listener, reinterpret_cast<sockaddr const*>(&address), 0), "uv_tcp_bind");
  check(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), SOMAXCONN, accept_client),
        "uv_listen");
  int length = sizeof address;
  check(uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&address), &length),
        "uv_tcp_getsockname");
  bench::announce_port(ntohs(address.sin_port));
  uv_run(loop, UV_RUN_DEFAULT);
}
