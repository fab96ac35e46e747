// book_server: shows a folder of web pages to browsers, `book_server --port 8000 build/book/html`.
//
// Every client is a task that reads a request, answers it and goes round. None of them can harm
// the others: whoever is slow is waited for without a thread, and not for ever; whoever is fast
// has his turn and then lets others have theirs; whoever vanishes leaves an error in his own task
// only.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "support/command_line.hpp"
#include "support/file_tree.hpp"
#include "support/http.hpp"
#include "support/server.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"

using namespace std::chrono_literals;
using namespace treadle;
using examples::File;
namespace http = examples::http;

namespace {

constexpr std::size_t kPieceBytes = 65536;
constexpr Clock::duration kShortestWait =
    500ms;  // that costs a client its place when others need it

// Closes a socket whose client keeps us waiting for too long. That wakes the task that waits
// there, with an error.
class Patience {
 public:
  // The waits for clients, the longest first.
  using All = std::set<std::pair<Clock::time_point, Patience*>>;

  Patience(EventLoop& loop, All& waits, Socket& socket, Clock::duration limit)
      : waits_(waits),
        since_(loop.time()),
        socket_(socket),
        timer_(loop.call_later(limit, [this] { end(); })) {
    waits_.insert({since_, this});
  }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  ~Patience() {
    timer_.cancel();
    waits_.erase({since_, this});
  }

  void end() {
    waits_.erase({since_, this});
    socket_.close();
  }

 private:
  All& waits_;
  const Clock::time_point since_;
  Socket& socket_;
  TimerHandle timer_;
};

// What all clients share.
struct Site {
  examples::FileTree files;
  Clock::duration patience;   // for a request to come, or for a piece of an answer to be taken
  std::size_t most_visitors;  // at a time
  std::size_t visitors = 0;
  Patience::All waits{};
  examples::Complaint crowd{};
};

int status_of(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return 403;
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return 503;
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV:
      return 404;
    default:
      return 500;
  }
}

// One client, from the first request to the last.
class Visit {
 public:
  Visit(EventLoop& loop, Site& site, Socket client)
      : loop_(loop), site_(site), client_(std::move(client)) {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { --site_.visitors; }

  Coro<> serve();

 private:
  Coro<bool> next_request();
  Coro<bool> receive_more();
  bool take_request(std::size_t size);
  bool refuse(int status);
  Coro<> answer();
  Coro<> find_and_send();
  Coro<> send_file(File file);
  Coro<> send_notice(int status, std::string fields);
  Coro<> send_head(int status, std::string fields);
  Coro<> send_contents(File file);
  Coro<> send(std::string_view text);
  Coro<> part();

  EventLoop& loop_;
  Site& site_;
  Socket client_;
  std::string received_;    // of the next request and those behind it
  http::Request request_;   // the one being answered,
  int status_ = 0;          // how,
  std::uint64_t sent_ = 0;  // and how much of the body has gone out
};

Coro<> Visit::serve() {
  bool stays = true;
  while (stays) {
    const bool asked = co_await next_request();
    if (!asked) co_return;
    co_await answer();
    stays = request_.keep_alive;
    // Whoever sends a thousand requests in one go never lets us wait, and would keep the thread.
    co_await yield_now();
  }
  co_await part();
}

// False where the client has left.
Coro<bool> Visit::next_request() {
  // For the whole of it: a byte every second does not buy more time.
  const Patience patience(loop_, site_.waits, client_, site_.patience);
  std::size_t searched = 0;
  for (;;) {
    const std::size_t size = http::head_size(received_, searched);
    if ((size > 0 ? size : received_.size()) > http::kMostHeadBytes)
      co_return refuse(http::status_of_long_head(received_));
    if (size > 0) co_return take_request(size);
    searched = received_.size();
    const bool more = co_await receive_more();
    if (!more) co_return !received_.empty() && refuse(400);
  }
}

Coro<bool> Visit::receive_more() {
  std::array<char, 4096> buffer;
  const std::size_t count = co_await ReadSocket(client_, buffer);
  received_.append(buffer.data(), count);
  co_return count > 0;
}

bool Visit::take_request(std::size_t size) {
  request_ = http::parse_request(received_.substr(0, size));
  received_.erase(0, size);
  return true;
}

bool Visit::refuse(int status) {
  request_ = http::refused(status);
  return true;
}

// Answers, and says so in a line.
Coro<> Visit::answer() {
  const auto begin = loop_.time();
  status_ = 0;
  sent_ = 0;
  std::exception_ptr failure;
  try {
    co_await find_and_send();
  } catch (const std::system_error&) {
    failure = std::current_exception();
  }
  const std::chrono::duration<double, std::milli> took = loop_.time() - begin;
  examples::say(stdout, fmt::format("{} {} {} {} {:.1f} ms{}", http::printable(request_.method),
                                    http::printable(request_.target), status_, sent_, took.count(),
                                    failure ? " (cut off)" : ""));
  if (failure) std::rethrow_exception(failure);
}

Coro<> Visit::find_and_send() {
  int status = request_.refused;
  std::optional<File> file;
  try {
    if (status == 0) file = site_.files.open(request_.path);
  } catch (const std::system_error& error) {
    status = status_of(error.code().value());
  }
  if (!file) {
    co_await send_notice(status, status == 405 ? "Allow: GET, HEAD\r\n" : "");
  } else if (file->is_directory()) {
    // Its pages name their neighbours relative to the folder, and so its address needs the slash.
    const std::string address = http::encode(request_.path) + "/" + request_.query;
    co_await send_notice(301, fmt::format("Location: {}\r\n", address));
  } else {
    co_await send_file(std::move(*file));
  }
}

Coro<> Visit::send_file(File file) {
  const std::string modified = http::date(file.modified());
  std::string fields = fmt::format("Last-Modified: {}\r\nCache-Control: no-cache\r\n", modified);
  // The browser has a copy of that very second.
  if (request_.if_modified_since == modified) {
    co_await send_head(304, std::move(fields));
    co_return;
  }
  fields += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", file.type(), file.size());
  co_await send_head(200, std::move(fields));
  if (!request_.head_only) co_await send_contents(std::move(file));
}

Coro<> Visit::send_notice(int status, std::string fields) {
  const std::string text = fmt::format("{} {}\n", status, http::reason(status));
  fields +=
      fmt::format("Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n", text.size());
  co_await send_head(status, std::move(fields));
  if (!request_.head_only) {
    co_await send(text);
    sent_ += text.size();
  }
}

Coro<> Visit::send_head(int status, std::string fields) {
  status_ = status;
  const std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\n"
      "Date: {}\r\n"
      "X-Content-Type-Options: nosniff\r\n"
      "{}"
      "Connection: {}\r\n\r\n",
      status, http::reason(status), http::date(std::time(nullptr)), fields,
      request_.keep_alive ? "keep-alive" : "close");
  co_await send(head);
}

// In pieces, so that a film needs no more memory than a page. And no more than the file needs: to
// fill 64 KiB with zeros, in memory that the kernel has to find first, costs more than a small file.
Coro<> Visit::send_contents(File file) {
  std::vector<char> piece(std::min<std::uint64_t>(kPieceBytes, file.size()));
  while (sent_ < file.size()) {
    const std::size_t wanted = std::min<std::uint64_t>(piece.size(), file.size() - sent_);
    const std::size_t got = file.read(std::span(piece).first(wanted), sent_);
    // We promised a length, and somebody made the file shorter: the client must see it fail.
    if (got == 0) throw std::system_error(EIO, std::generic_category(), "the file ended early");
    co_await send({piece.data(), got});
    sent_ += got;
    if (sent_ < file.size()) co_await yield_now();
  }
}

Coro<> Visit::send(std::string_view text) {
  const Patience patience(loop_, site_.waits, client_, site_.patience);
  co_await write_all(client_, text);
}

// Closing a socket with unread bytes in it makes the kernel send a reset, and that can overtake
// our last words. So we say that we are done, and listen for a moment longer.
Coro<> Visit::part() {
  const Patience patience(loop_, site_.waits, client_,
                          std::min<Clock::duration>(site_.patience, 1s));
  client_.shutdown_write();
  std::array<char, 4096> ignored;
  while (co_await ReadSocket(client_, ignored) > 0) co_await yield_now();
}

Coro<> serve(Socket client, Site& site) {
  EventLoop& loop = co_await get_running_loop();
  Visit visit(loop, site, std::move(client));
  try {
    co_await visit.serve();
  } catch (const std::system_error&) {
    co_return;  // the client is gone, or was too slow and we closed: nobody else need know
  }
}

// Ends the client that has kept us waiting for longest. False if the longest wait has only just begun:
// to send a client away before it could answer would help no other.
bool end_slowest(Patience::All& waits, Clock::time_point now) {
  if (waits.empty() || now - waits.begin()->first < kShortestWait) return false;
  waits.begin()->second->end();
  return true;
}

// A client that was ended is counted until its task has run, and the next one has its place already.
Coro<> make_room(EventLoop& loop, Site& site) {
  if (site.visitors < site.most_visitors) co_return;
  site.crowd.say(fmt::format(
      "{} clients are connected, and further ones take the places of the slowest", site.visitors));
  while (site.visitors >= site.most_visitors && !end_slowest(site.waits, loop.time()))
    co_await Sleep(examples::kAcceptPause);
}

Coro<> serve_all(Socket listener, Site& site) {
  EventLoop& loop = co_await get_running_loop();
  for (;;) {
    Socket client = co_await examples::accept_client(listener);
    co_await make_room(loop, site);
    ++site.visitors;
    loop.create_task(serve(std::move(client), site));
  }
}

}  // namespace

int main(int argc, char** argv) {
  examples::ServerOptions options(8000);
  std::string folder = ".";
  Clock::duration patience = 10s;
  std::size_t visitors = 1000;
  examples::CommandLine line("Serves a folder of web pages.");
  examples::add_server_options(line, options);
  line.option("--patience", patience, "how long to wait for a client");
  line.option("--visitors", visitors, "how many may be connected at a time");
  line.argument("folder", folder, "the folder; this one, if none is given");
  line.parse(argc, argv);
  try {
    // Each may need a descriptor for the connection and one for a file. Those for whom there are
    // none had better wait in the kernel's queue than come in and find no file.
    const std::size_t room = std::max<std::size_t>(examples::allow_descriptors() / 2, 1);
    Site site{examples::FileTree(folder), patience, std::clamp<std::size_t>(visitors, 1, room)};
    examples::run_server(serve_all(examples::listen_or_exit(options), site));
  } catch (const std::system_error& error) {
    examples::exit_with(1, fmt::format("{}.", error.what()));
  }
}
