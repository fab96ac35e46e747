// socket.hpp: reading and writing without standing in the way of others.
//
// Every operation here follows one rule: try first, and wait only if the kernel says "not now"
// (EAGAIN). Most reads of a busy server find their bytes there already and cost one system call,
// no more than a program of threads would pay. Those that do not leave a suspension with the
// poller; when the kernel says that the socket is ready, the operation tries again there and
// then, and the task is woken with what came of it. Who always finds his bytes there would never
// wait: now and then he lets the others run all the same.
//
// Errors are std::system_error, and say which call failed, and with whom: `recv from
// 127.0.0.1:40312`.
//
// Invariants
//   1. A socket's descriptor is non-blocking and closed on exec.
//   2. At most one task waits to read a socket and at most one to write it. The registration of the
//      descriptor has them.
//   3. A task that waits at a socket is woken when the socket is closed or destroyed.
//
// Thread safety: none. A socket belongs to the loop on which it is used.
// Source: recv(2), send(2), accept(2), connect(2); "try first" is how Russ Cox's libtask and the
// Go runtime read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "treadle/address.hpp"
#include "treadle/event_loop.hpp"
#include "treadle/unique_fd.hpp"

namespace treadle {

class SocketOperation;

/// The other side ended its stream before all the bytes had come. The name is asyncio's.
class IncompleteReadError : public std::runtime_error {
 public:
  IncompleteReadError(std::size_t received, std::size_t expected);

  std::size_t received() const noexcept { return received_; }
  std::size_t expected() const noexcept { return expected_; }

 private:
  std::size_t received_;
  std::size_t expected_;
};

/// A stream socket, connected or listening. Closes its descriptor when it is destroyed.
class Socket {
 public:
  /// No socket. Every operation on it fails with EBADF.
  Socket() noexcept = default;

  /// Owns `fd` and makes it non-blocking. `peer` is who is at the other end, for messages.
  explicit Socket(UniqueFd fd, Address peer = {});

  /// A task that waits at a socket goes on to wait at the socket it was moved to.
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  int fd() const noexcept { return fd_.get(); }
  bool is_open() const noexcept { return static_cast<bool>(fd_); }

  /// Who is at the other end; for a listening socket the address it listens on.
  const Address& peer() const noexcept { return peer_; }

  /// This end's address. After listening on port 0, it has the port that the kernel chose.
  Address local_address() const;

  /// Says that no more will be sent: the other side reads what is under way and then the end.
  /// Reading goes on.
  void shutdown_write();

  /// Closes the descriptor. Tasks that wait at it are woken, and their operation throws
  /// ECANCELED. Does nothing where it is closed already.
  void close() noexcept;

 private:
  friend class SocketOperation;
  friend class AcceptSocket;
  friend class ConnectSocket;
  friend Socket listen_tcp(const Address& address, int backlog);

  // Owns what System::socket() or accept() gave, which does not block.
  Socket(const Address& peer, UniqueFd fd) noexcept;

  void take_waiters(Socket& other) noexcept;
  SocketOperation* waiter(Readiness readiness) const noexcept;

  UniqueFd fd_;
  Registration registration_{fd_.get()};  // behind fd_, and so destroyed before it
  Address peer_;
};

/// What all operations on sockets have in common: try, wait, try again.
class SocketOperation : public Suspension, private FdWaiter {
 public:
  bool await_ready() const noexcept { return false; }

  /// False, to go on at once, where the first try was enough; only now and then the others have
  /// their turn before. Throws InvalidStateError where another task waits for the same side of
  /// the same socket already.
  template <TreadlePromise P>
  bool await_suspend(std::coroutine_handle<P> caller) {
    return start(caller.promise());
  }

  std::string waits_for() const override;

 protected:
  SocketOperation(Socket& socket, const Address& peer, Readiness readiness,
                  const char* call) noexcept
      : socket_(&socket), peer_(peer), call_(call), readiness_(readiness) {}
  ~SocketOperation() { withdraw(); }

  /// Waits no longer. The destructor does it; who owns the socket does it before that goes.
  void withdraw() noexcept;

  /// System calls that do not wait, as many as IoBudget allows. True when the operation is over, well
  /// or with fail(); one that is not is tried again when the socket is ready, in the next turn at the
  /// earliest.
  virtual bool attempt() noexcept = 0;

  /// How many bytes the operation has moved.
  std::size_t moved() const noexcept { return moved_; }

  /// A call has moved `bytes` more.
  void add_moved(ssize_t bytes) noexcept { moved_ += static_cast<std::size_t>(bytes); }

  /// The operation is over: the call failed with `error`, an errno.
  bool fail(int error) noexcept;

  /// Of a call that failed, by errno: false where it should be tried again when the socket is
  /// ready, else fail().
  bool failed_unless_again() noexcept;

  void throw_if_failed() const;

  Socket& socket() const noexcept { return *socket_; }
  const Address& peer() const noexcept { return peer_; }

 private:
  friend class Socket;

  bool start(PromiseBase& caller);
  bool try_again() noexcept final;
  void socket_closed() noexcept;

  Socket* socket_;      // not to be touched once the task has been woken: it may be gone by then
  const Address peer_;  // and so the messages have what they need of it here
  const char* call_;
  std::size_t moved_ = 0;
  int error_ = 0;
  Readiness readiness_;
};

/// Reads what is there, at least one byte and at most IoBudget::kBytes: `std::size_t n = co_await
/// ReadSocket(socket, buffer)`. 0 is the end of the stream.
///
/// Suspends only where nothing is there yet; the poller wakes it when bytes, the end or an error
/// have come. `buffer` stays where it is until then; the socket may be moved. Throws
/// std::system_error; std::invalid_argument for an empty buffer.
/// Source: recv(2).
class [[nodiscard]] ReadSocket final : public SocketOperation {
 public:
  ReadSocket(Socket& socket, std::span<char> buffer);
  std::size_t await_resume() const;

 private:
  bool attempt() noexcept override;

  std::span<char> buffer_;
};

/// Writes as much as the kernel takes, at least one byte of a text that is not empty and at most
/// IoBudget::kBytes: it gives the number.
///
/// Suspends only where the kernel's buffer is full; the poller wakes it when there is room again.
/// `text` stays where it is until then. A peer that has gone is std::system_error with EPIPE or
/// ECONNRESET, never a SIGPIPE.
/// Source: send(2).
class [[nodiscard]] WriteSocket final : public SocketOperation {
 public:
  WriteSocket(Socket& socket, std::string_view text) noexcept;
  std::size_t await_resume() const;

 private:
  bool attempt() noexcept override;

  std::string_view text_;
};

/// What write_all() makes.
class [[nodiscard]] WriteAll final : public SocketOperation {
 public:
  WriteAll(Socket& socket, std::string_view text) noexcept;
  void await_resume() const { throw_if_failed(); }

 private:
  bool attempt() noexcept override;

  std::string_view text_;
};

/// What read_exactly() makes.
class [[nodiscard]] ReadExactly final : public SocketOperation {
 public:
  ReadExactly(Socket& socket, std::span<char> buffer) noexcept;
  void await_resume() const;

 private:
  bool attempt() noexcept override;

  std::span<char> buffer_;
  bool ended_ = false;
};

/// Takes the next connection of a listening socket: `Socket client = co_await
/// AcceptSocket(listener)`.
///
/// Suspends only where none is waiting. A client that gave up while it waited is passed over.
/// Throws std::system_error, with EMFILE or ENFILE where the process or the system has no
/// descriptor left; the connection then stays in the kernel's queue, to be accepted when there is
/// one.
/// Source: accept(2).
class [[nodiscard]] AcceptSocket final : public SocketOperation {
 public:
  explicit AcceptSocket(Socket& listener) noexcept;
  Socket await_resume();

 private:
  bool attempt() noexcept override;

  Socket accepted_;
};

/// What connect_tcp() makes.
class [[nodiscard]] ConnectSocket final : public SocketOperation {
 public:
  explicit ConnectSocket(const Address& address) noexcept;
  ~ConnectSocket() { withdraw(); }
  Socket await_resume();

 private:
  bool attempt() noexcept override;
  bool begin() noexcept;

  Socket connecting_;
};

/// Writes all of `text`; suspends as often as the kernel's buffer is full, and after each
/// IoBudget::kBytes. Where it throws, some of it may have been sent. Otherwise as WriteSocket.
inline WriteAll write_all(Socket& socket, std::string_view text) noexcept {
  return WriteAll(socket, text);
}

/// Fills all of `buffer`; suspends as often as nothing is there, and after each IoBudget::kBytes.
/// Throws IncompleteReadError where the stream ends first. Otherwise as ReadSocket.
inline ReadExactly read_exactly(Socket& socket, std::span<char> buffer) noexcept {
  return ReadExactly(socket, buffer);
}

/// Connects to `address`: `Socket server = co_await connect_tcp({"127.0.0.1", 8000})`. Suspends
/// until the other side has answered; throws std::system_error. Destroyed before that, the
/// attempt is dropped.
/// Source: connect(2).
inline ConnectSocket connect_tcp(const Address& address) noexcept { return ConnectSocket(address); }

/// A socket that listens on `address`; port 0 lets the kernel choose one. Never suspends.
/// `backlog` is how many clients may wait to be accepted. Throws std::system_error that names the
/// call and the address: `bind to 127.0.0.1:80`.
Socket listen_tcp(const Address& address, int backlog = SOMAXCONN);

}  // namespace treadle
