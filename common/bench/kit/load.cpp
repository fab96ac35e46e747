// load.cpp: the load of the echo benchmark: N connections, BUSY requests under way at a time, every reply compared.
//
//   load PORT CONNECTIONS BUSY REQUESTS WARMUP SERVER_PID [PATH BYTES]
//
// With a PATH it asks an HTTP server for that file, which holds BYTES times the letter x.
//
// With BUSY = CONNECTIONS each connection always has one request under way. With fewer, the requests wander over all
// of them: a reply on connection i starts a request on connection i + BUSY, and most connections are idle at any moment.
//
// It is a process of its own, so that the server's CPU clock holds the server's work and nothing else. It reads that
// clock itself (clock_getcpuclockid) when the warm-up is over and again when the last counted reply is in: no start-up,
// no connecting and no closing is counted. Raw epoll, no allocation per request.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kMessage = 64;
constexpr int kSecondsAtMost = 60;

struct Connection {
  int fd = -1;
  std::size_t received = 0;
  std::array<char, kMessage> sent{};
  std::array<char, kMessage> reply{};
  std::string page;  // of an HTTP server: head and body
};

struct Job {
  std::uint16_t port = 0;
  std::size_t connections = 0;
  std::size_t busy = 0;
  std::uint64_t requests = 0;
  std::uint64_t warmup = 0;
  pid_t server = 0;
  std::string request;  // of HTTP; empty for an echo
  std::string body;     // that must come
};

struct Reading {
  std::uint64_t server_cpu = 0;
  std::uint64_t wall = 0;
  unsigned long user_ticks = 0;
  unsigned long system_ticks = 0;
};

[[noreturn]] void fail(char const* what) {
  std::fprintf(stderr, "load: %s%s%s\n", what, errno != 0 ? ": " : "",
               errno != 0 ? std::strerror(errno) : "");
  std::exit(1);
}

[[noreturn]] void fail_plainly(char const* what) {
  errno = 0;
  fail(what);
}

std::uint64_t nanoseconds(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0)
    fail("the server's CPU clock cannot be read (has it ended?)");
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Fields 14 and 15 of /proc/PID/stat, counted after the command's closing parenthesis.
void read_ticks(pid_t pid, Reading& reading) {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", static_cast<int>(pid));
  std::FILE* file = std::fopen(path.data(), "r");
  if (file == nullptr) return;
  std::array<char, 1024> text{};
  std::size_t const length = std::fread(text.data(), 1, text.size() - 1, file);
  std::fclose(file);
  text[length] = '\0';
  char const* after = std::strrchr(text.data(), ')');
  if (after == nullptr) return;
  std::sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
              &reading.user_ticks, &reading.system_ticks);
}

Reading read_now(pid_t server) {
  clockid_t clock{};
  if (clock_getcpuclockid(server, &clock) != 0)
    fail_plainly("the server has no CPU clock (has it ended?)");
  Reading reading{nanoseconds(clock), nanoseconds(CLOCK_MONOTONIC)};
  read_ticks(server, reading);
  return reading;
}

int connect_to(std::uint16_t port) {
  int const fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0)
    fail("connect");
  int const on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
  return fd;
}

// Every request is different, so that an old or a foreign reply is noticed.
void send_request(Connection& connection, std::uint64_t serial) {
  std::memcpy(connection.sent.data(), &serial, sizeof serial);
  std::memset(connection.sent.data() + sizeof serial, static_cast<int>('a' + serial % 26),
              kMessage - sizeof serial);
  connection.received = 0;
  if (send(connection.fd, connection.sent.data(), kMessage, MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kMessage)) {
    fail("a request could not be sent whole");
  }
}

// True when the whole reply is in.
bool receive(Connection& connection) {
  ssize_t const n = recv(connection.fd, connection.reply.data() + connection.received,
                         kMessage - connection.received, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n < 0) fail("recv");
  if (n == 0) fail_plainly("the server closed a connection in the middle");
  connection.received += static_cast<std::size_t>(n);
  if (connection.received < kMessage) return false;
  if (connection.reply != connection.sent) fail_plainly("a reply is not what was sent");
  return true;
}

void send_request_for_file(Connection& connection, std::string const& request) {
  connection.page.clear();
  if (send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    fail("a request could not be sent whole");
  }
}

// True when the whole page is in. Its length is known, so only the end of the head is looked for.
bool receive_file(Connection& connection, std::string const& body) {
  std::array<char, 65536> buffer;
  ssize_t const n = recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n < 0) fail("recv");
  if (n == 0) fail_plainly("the server closed a connection in the middle");
  std::string& page = connection.page.append(buffer.data(), static_cast<std::size_t>(n));
  std::size_t const head = page.find("\r\n\r\n");
  if (head == page.npos || page.size() < head + 4 + body.size()) return false;
  if (page.compare(0, 13, "HTTP/1.1 200 ") != 0 || page.compare(head + 4, page.npos, body) != 0)
    fail_plainly("a page is not what was asked for");
  return true;
}

class Load {
 public:
  explicit Load(Job const& job)
      : job_(job), connections_(job.connections), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) fail("epoll_create1");
    for (std::size_t i = 0; i < connections_.size(); ++i) open(i);
  }

  void run() {
    for (std::size_t i = 0; i < job_.busy; ++i) ask(connections_[i]);
    std::array<epoll_event, 256> events;
    while (completed_ < serial_) {
      int const n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (n < 0 && errno != EINTR) fail("epoll_wait");
      for (int i = 0; i < n; ++i) handle(events[static_cast<std::size_t>(i)].data.u64);
    }
  }

  void print() const {
    std::printf(
        "{\"operations\": %llu, \"total\": %llu, \"wall\": %llu, \"user_ticks\": %lu, "
        "\"system_ticks\": %lu}\n",
        static_cast<unsigned long long>(job_.requests),
        static_cast<unsigned long long>(after_.server_cpu - before_.server_cpu),
        static_cast<unsigned long long>(after_.wall - before_.wall),
        after_.user_ticks - before_.user_ticks, after_.system_ticks - before_.system_ticks);
  }

 private:
  void open(std::size_t index) {
    connections_[index].fd = connect_to(job_.port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[index].fd, &event) != 0) fail("epoll_ctl");
  }

  void ask(Connection& connection) {
    if (job_.request.empty()) {
      send_request(connection, serial_++);
    } else {
      send_request_for_file(connection, job_.request);
      ++serial_;
    }
  }

  bool answered(Connection& connection) {
    return job_.request.empty() ? receive(connection) : receive_file(connection, job_.body);
  }

  // The last request is counted while all connections are still busy; what is under way then is read, not counted.
  void handle(std::size_t index) {
    if (!answered(connections_[index])) return;
    ++completed_;
    if (completed_ == job_.warmup) before_ = read_now(job_.server);
    if (completed_ == job_.warmup + job_.requests) after_ = read_now(job_.server);
    if (completed_ >= job_.warmup + job_.requests) return;
    ask(connections_[(index + job_.busy) % connections_.size()]);
  }

  Job job_;
  std::vector<Connection> connections_;
  int epoll_;
  std::uint64_t serial_ = 0;
  std::uint64_t completed_ = 0;
  Reading before_;
  Reading after_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 9) {
    std::fprintf(
        stderr,
        "load: call me as load PORT CONNECTIONS BUSY REQUESTS WARMUP SERVER_PID [PATH BYTES]\n");
    return 2;
  }
  alarm(kSecondsAtMost);
  Job job;
  job.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  job.connections = std::strtoul(argv[2], nullptr, 10);
  job.busy = std::strtoul(argv[3], nullptr, 10);
  job.requests = std::strtoull(argv[4], nullptr, 10);
  job.warmup = std::strtoull(argv[5], nullptr, 10);
  job.server = static_cast<pid_t>(std::atoi(argv[6]));
  if (argc == 9) {
    job.request = std::string("GET ") + argv[7] + " HTTP/1.1\r\nHost: bench\r\n\r\n";
    job.body = std::string(std::strtoul(argv[8], nullptr, 10), 'x');
  }
  if (job.busy == 0 || job.connections % job.busy != 0)
    fail_plainly("BUSY must divide CONNECTIONS");
  if (job.warmup == 0) fail_plainly("WARMUP must be at least 1");
  Load load(job);
  load.run();
  load.print();
  return 0;
}
