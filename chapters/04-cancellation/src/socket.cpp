#include "treadle/socket.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "treadle/system.hpp"

namespace treadle {

namespace {

[[noreturn]] void throw_errno(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

void make_nonblocking(int fd) {
  if (System::current().make_nonblocking(fd) < 0)
    throw_errno(errno, fmt::format("fcntl of descriptor {}", fd));
}

// Small messages go out at once: what an interactive protocol wants, and what asyncio does. Best
// effort, as it makes no sense for a socket that is not TCP.
void send_at_once(int fd) noexcept {
  System::current().setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

// Writing to a peer that has gone is an error like others, and no reason to end the process.
void no_sigpipe([[maybe_unused]] int fd) noexcept {
#ifdef SO_NOSIGPIPE
  System::current().setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
}

// Repeats a system call that a signal interrupted.
template <class F>
auto uninterrupted(F call) noexcept {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

ssize_t send_some(const Socket& socket, std::string_view text, const IoBudget& budget) noexcept {
  const std::size_t size = std::min(text.size(), budget.left());
  return uninterrupted([&] { return System::current().send(socket.fd(), text.substr(0, size)); });
}

ssize_t receive_some(const Socket& socket, std::span<char> buffer,
                     const IoBudget& budget) noexcept {
  const std::size_t size = std::min(buffer.size(), budget.left());
  return uninterrupted([&] { return System::current().recv(socket.fd(), buffer.first(size)); });
}

Address address_of(int fd) {
  sockaddr_storage storage;
  socklen_t length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (System::current().getsockname(fd, address, &length) < 0)
    throw_errno(errno, fmt::format("getsockname of descriptor {}", fd));
  return Address(address, length);
}

}  // namespace

IncompleteReadError::IncompleteReadError(std::size_t received, std::size_t expected)
    : std::runtime_error(fmt::format("the stream ended after {} of {} bytes", received, expected)),
      received_(received),
      expected_(expected) {}

Socket::Socket(UniqueFd fd, Address peer) : fd_(std::move(fd)), peer_(peer) {
  make_nonblocking(fd_.get());
  no_sigpipe(fd_.get());
}

Socket::Socket(const Address& peer, UniqueFd fd) noexcept : fd_(std::move(fd)), peer_(peer) {
  no_sigpipe(fd_.get());
}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::move(other.fd_)), registration_(), peer_(other.peer_) {
  take_waiters(other);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this == &other) return *this;
  close();
  fd_ = std::move(other.fd_);
  peer_ = other.peer_;
  take_waiters(other);
  return *this;
}

void Socket::take_waiters(Socket& other) noexcept {
  registration_ = std::move(other.registration_);
  for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable})
    if (SocketOperation* const operation = waiter(readiness)) operation->socket_ = this;
}

SocketOperation* Socket::waiter(Readiness readiness) const noexcept {
  return static_cast<SocketOperation*>(registration_.waiter(readiness));
}

Address Socket::local_address() const { return address_of(fd()); }

void Socket::shutdown_write() {
  if (System::current().shutdown(fd(), SHUT_WR) < 0)
    throw_errno(errno, fmt::format("shutdown with {}", peer_.to_string()));
}

void Socket::close() noexcept {
  for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable})
    if (SocketOperation* const operation = waiter(readiness)) operation->socket_closed();
  // The number may be another file's as soon as it is closed.
  registration_.drop();
  fd_.reset();
}

bool SocketOperation::start(PromiseBase& caller) {
  precondition(error_ == 0, "an operation that failed is not awaited again: make another");
  // Before the first try: whoever came first must not lose his bytes to one who came later.
  if (const SocketOperation* first = socket_->waiter(readiness_)) {
    throw InvalidStateError(
        fmt::format("{} waits for this already ({}), and only one task at a time can",
                    first->task().label(), first->waits_for()));
  }
  caller_ = &caller.task();
  if (caller_->cancel_pending()) {
    // Not tried: one whose tries all succeed would never hear. The wait is over at once, and so
    // neither the poller nor the socket need know of it.
    suspend(caller);
    return true;
  }
  EventLoop& loop = EventLoop::of(caller.task());
  moved_ = 0;
  if (attempt()) {
    if (!loop.spend_io_budget(moved_)) return false;
    caller.task().let_others_run(caller);
    return true;
  }
  loop.watch(*this, socket_->registration_, readiness_);
  suspend(caller);
  return true;
}

bool SocketOperation::try_again() noexcept {
  if (!attempt()) return false;
  leave();
  wake();
  return true;
}

void SocketOperation::withdraw() noexcept { leave(); }

void SocketOperation::socket_closed() noexcept {
  leave();
  fail(ECANCELED);
  wake();
}

bool SocketOperation::fail(int error) noexcept {
  error_ = error;
  return true;
}

bool SocketOperation::failed_unless_again() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK ? false : fail(errno);
}

void SocketOperation::throw_if_failed() const {
  if (error_ == 0) return;
  const char* why = error_ == ECANCELED ? "the socket was closed while a task waited" : "";
  throw OperationError(error_, waits_for(), caller_->label(), why);
}

std::string SocketOperation::waits_for() const {
  return fmt::format("{} {}", call_, peer_.to_string());
}

ReadSocket::ReadSocket(Socket& socket, std::span<char> buffer)
    : SocketOperation(socket, socket.peer(), Readiness::kReadable, "recv from"), buffer_(buffer) {
  if (buffer.empty()) throw std::invalid_argument("ReadSocket needs room for at least one byte");
}

bool ReadSocket::attempt() noexcept {
  const ssize_t received = receive_some(socket(), buffer_, IoBudget());
  if (received < 0) return failed_unless_again();
  add_moved(received);
  return true;
}

std::size_t ReadSocket::await_resume() const {
  throw_if_failed();
  return moved();
}

WriteSocket::WriteSocket(Socket& socket, std::string_view text) noexcept
    : SocketOperation(socket, socket.peer(), Readiness::kWritable, "send to"), text_(text) {}

bool WriteSocket::attempt() noexcept {
  const ssize_t sent = send_some(socket(), text_, IoBudget());
  if (sent < 0) return failed_unless_again();
  add_moved(sent);
  return true;
}

std::size_t WriteSocket::await_resume() const {
  throw_if_failed();
  return moved();
}

WriteAll::WriteAll(Socket& socket, std::string_view text) noexcept
    : SocketOperation(socket, socket.peer(), Readiness::kWritable, "send to"), text_(text) {}

bool WriteAll::attempt() noexcept {
  IoBudget budget;
  while (moved() < text_.size()) {
    if (budget.spent()) return false;  // as if the kernel were full: it will say that it is not
    const ssize_t sent = send_some(socket(), text_.substr(moved()), budget);
    if (sent < 0) return failed_unless_again();
    add_moved(sent);
    budget.spend(static_cast<std::size_t>(sent));
  }
  return true;
}

ReadExactly::ReadExactly(Socket& socket, std::span<char> buffer) noexcept
    : SocketOperation(socket, socket.peer(), Readiness::kReadable, "recv from"), buffer_(buffer) {}

bool ReadExactly::attempt() noexcept {
  IoBudget budget;
  while (moved() < buffer_.size()) {
    if (budget.spent()) return false;  // as if no more had come: what has will be there
    const ssize_t received = receive_some(socket(), buffer_.subspan(moved()), budget);
    if (received < 0) return failed_unless_again();
    ended_ = received == 0;
    if (ended_) return true;
    add_moved(received);
    budget.spend(static_cast<std::size_t>(received));
  }
  return true;
}

void ReadExactly::await_resume() const {
  throw_if_failed();
  if (ended_) throw IncompleteReadError(moved(), buffer_.size());
}

AcceptSocket::AcceptSocket(Socket& listener) noexcept
    : SocketOperation(listener, listener.peer(), Readiness::kReadable, "accept on") {}

bool AcceptSocket::attempt() noexcept {
  sockaddr_storage storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  socklen_t length = sizeof storage;
  const int fd =
      uninterrupted([&] { return System::current().accept(socket().fd(), address, &length); });
  if (fd < 0 && errno == ECONNABORTED) return false;  // it gave up; poll(2) says if others came
  if (fd < 0) return failed_unless_again();
  accepted_ = Socket(Address(address, length), UniqueFd(fd));
  send_at_once(fd);
  return true;
}

Socket AcceptSocket::await_resume() {
  throw_if_failed();
  return std::move(accepted_);
}

ConnectSocket::ConnectSocket(const Address& address) noexcept
    : SocketOperation(connecting_, address, Readiness::kWritable, "connect to") {}

bool ConnectSocket::attempt() noexcept {
  if (!connecting_.is_open()) return begin();
  // Writable: the attempt is over, and the socket's pending error says how it went.
  int error = 0;
  socklen_t length = sizeof error;
  if (System::current().getsockopt(connecting_.fd(), SOL_SOCKET, SO_ERROR, &error, &length) < 0)
    error = errno;
  return error == 0 ? true : fail(error);
}

bool ConnectSocket::begin() noexcept {
  UniqueFd fd(System::current().socket(peer().family()));
  if (!fd) return fail(errno);
  connecting_ = Socket(peer(), std::move(fd));
  send_at_once(connecting_.fd());
  if (System::current().connect(connecting_.fd(), peer().data(), peer().size()) == 0) return true;
  // Interrupted or not, the kernel goes on connecting; it cannot be asked a second time.
  return errno == EINPROGRESS || errno == EINTR ? false : fail(errno);
}

Socket ConnectSocket::await_resume() {
  throw_if_failed();
  return std::move(connecting_);
}

Socket listen_tcp(const Address& address, int backlog) {
  const auto fail = [&](const char* call) { throw_errno(errno, call + address.to_string()); };
  UniqueFd fd(System::current().socket(address.family()));
  if (!fd) fail("socket for ");
  // Else the port of a server that was stopped stays refused for a minute, while old connections
  // time out.
  if (System::current().setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) < 0)
    fail("setsockopt for ");
  if (System::current().bind(fd.get(), address.data(), address.size()) < 0) fail("bind to ");
  if (System::current().listen(fd.get(), backlog) < 0) fail("listen on ");
  const Address chosen = address_of(fd.get());
  return Socket(chosen, std::move(fd));
}

}  // namespace treadle
