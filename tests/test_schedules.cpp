// What was promised for each way to wait, in every order and with a cancel at every place. The scenarios say what must
// be true whatever happens; the kit sees to it that everything happens.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "testing/schedules.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"

namespace test_schedules {

using namespace std::chrono_literals;
using treadle::AcceptSocket;
using treadle::AnyTask;
using treadle::CancelledError;
using treadle::connect_tcp;
using treadle::Coro;
using treadle::listen_tcp;
using treadle::read_exactly;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Socket;
using treadle::Task;
using treadle::TimerHandle;
using treadle::write_all;
using treadle::WriteSocket;
using treadle::yield_now;
using treadle::testing::cancel_everywhere;
using treadle::testing::cancel_everywhere_in_any_order;
using treadle::testing::Counted;
using treadle::testing::drain;
using treadle::testing::fill;
using treadle::testing::Findings;
using treadle::testing::in_any_order;
using treadle::testing::make_scenario;
using treadle::testing::make_small;
using treadle::testing::put;
using treadle::testing::Scenario;
using treadle::testing::SocketPair;
using treadle::testing::Trace;

/// The places without their addresses, which are others each time.
Trace kinds(const Trace& places) {
  Trace kinds;
  for (const std::string& place : places) kinds.push_back(place.substr(0, place.find(" 127.")));
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  return kinds;
}

/// All that the kit can do with a scenario, and nothing may be found. `places` is where a cancel must have met it.
void holds_in_all_schedules(const treadle::testing::MakeScenario& make, const Trace& places) {
  const Findings cancelled = cancel_everywhere(make, true);
  CHECK(cancelled.faults == Trace{});
  CHECK(kinds(cancelled.places) == places);
  CHECK(in_any_order(make).faults == Trace{});
  CHECK(cancel_everywhere_in_any_order(make).faults == Trace{});
}

// ---- Waiting for time, for the others, for a task

class Sleepers : public Scenario {
 public:
  Coro<> main() override {
    const Counted local;
    co_await Sleep(1s);
    co_await Sleep(0s);
    co_await Sleep(2s);
    note("whole");
  }
  void begin() override {
    for (const auto delay : {1s, 2s, 3s}) others.push_back(spawn("other", sleep(delay)));
  }
  void end(const Task<>& main) override {
    expect(main.cancelled() == trace.empty(), "it was cancelled and went on, or neither");
    expect(main.cancelled() || clock.elapsed() >= 3s, "a sleep was cut short");
    run_to_end();
    expect(woken == 3, std::to_string(woken) + " of three others woke");
    expect(clock.elapsed() == 3s, "a timer was left, or lost");
  }

  Coro<> sleep(treadle::Clock::duration delay) {
    const auto deadline = clock.elapsed() + delay;
    co_await Sleep(delay);
    expect(clock.elapsed() == deadline, "another woke at the wrong time");
    ++woken;
  }

  std::vector<Task<>> others;
  int woken = 0;
};

TEST_CASE("Schedules: sleeps are whole or have not been", "[schedules][cancel][sleep]") {
  holds_in_all_schedules(make_scenario<Sleepers>,
                         {"pending", "sleep of 0s", "sleep of 1s", "sleep of 2s", "suspended"});
}

class Yielders : public Scenario {
 public:
  Coro<> main() override { co_await count_to(5, mine); }
  void begin() override {
    for (int i = 0; i < 3; ++i) spawn("other", count_to(5, others));
  }
  void end(const Task<>& main) override {
    expect(main.cancelled() || mine == 5, "it ends before its end");
    expect(others == 15, "the others counted to " + std::to_string(others));
  }

  static Coro<> count_to(int end, int& count) {
    const Counted local;
    for (int i = 0; i < end; ++i) {
      ++count;
      co_await yield_now();
    }
  }

  int mine = 0;
  int others = 0;
};

TEST_CASE("Schedules: who yields counts to the end or is cancelled", "[schedules][cancel][yield]") {
  holds_in_all_schedules(make_scenario<Yielders>, {"pending", "suspended"});
}

class Joiners : public Scenario {
 public:
  Coro<> main() override { sum += co_await join(second); }
  void begin() override {
    first = spawn("first", []() -> Coro<int> {
      co_await Sleep(1s);
      co_await yield_now();
      co_return 1;
    });
    second = spawn("second", [this]() -> Coro<int> {
      const int value = co_await join(first);
      co_await yield_now();
      co_return value + 1;
    });
    others.push_back(spawn("other", wait(first)));
    others.push_back(spawn("other", wait(second)));
  }
  void end(const Task<>& main) override {
    run_to_end();
    expect(main.cancelled() || sum == 2, "it has the wrong value");
    expect(second.done() && second.result() == 2, "the work was disturbed");
    expect(seen == 3, "another has the wrong value");
  }

  static Coro<int> join(Task<int> task) {
    const Counted local;
    const int value = co_await task;
    co_return value;
  }
  Coro<> wait(Task<int> task) {
    const int value = co_await join(std::move(task));
    seen += value;
  }

  Task<int> first, second;
  std::vector<Task<>> others;
  int sum = 0;
  int seen = 0;
};

TEST_CASE("Schedules: who waits for a task leaves it and its others alone",
          "[schedules][cancel][join]") {
  holds_in_all_schedules(make_scenario<Joiners>, {"Task-3", "pending", "suspended"});
}

class Callbacks : public Scenario {
 public:
  Coro<> main() override {
    TimerHandle mine = loop.call_later(2s, [this, counted = Counted()] { ++late; });
    loop.call_soon([this, counted = Counted()] { ++soon; });
    armed = true;
    std::exception_ptr why;
    try {
      co_await Sleep(1s);
    } catch (const CancelledError&) {
      why = std::current_exception();
    }
    taken_back = mine.cancel();
    if (why) std::rethrow_exception(why);
  }
  void begin() override {
    for (int i = 0; i < 3; ++i) loop.call_later(1s, [this, counted = Counted()] { ++others; });
  }
  void end(const Task<>&) override {
    run_to_end();
    expect(soon == (armed ? 1 : 0), "call_soon ran " + std::to_string(soon) + " times");
    expect(!armed || taken_back, "there was nothing to take back");
    expect(late == 0, "what was taken back has run");
    expect(others == 3, "others ran " + std::to_string(others) + " times");
  }

  bool armed = false;
  bool taken_back = false;
  int soon = 0;
  int late = 0;
  int others = 0;
};

TEST_CASE("Schedules: call_later runs once or was taken back", "[schedules][cancel][call_later]") {
  holds_in_all_schedules(make_scenario<Callbacks>, {"pending", "sleep of 1s", "suspended"});
}

class DoneCallbacks : public Scenario {
 public:
  Coro<> main() override {
    co_await yield_now();
    co_await Sleep(1s);
  }
  void begin() override {
    spawn("other", []() -> Coro<> { co_await yield_now(); }).add_done_callback([this] { ++other; });
    watcher = spawn("watcher", []() -> Coro<> { co_await Sleep(2s); });
  }
  void end(const Task<>& main) override {
    main.add_done_callback([this](const AnyTask& task) { told += task.done() ? 1 : 100; });
    main.add_done_callback([this] { told += 10; });
    run_to_end();
    expect(told == 11, "done callbacks ran otherwise than once each: " + std::to_string(told));
    expect(other == 1, "another's ran " + std::to_string(other) + " times");
  }

  Task<> watcher;
  int told = 0;
  int other = 0;
};

TEST_CASE("Schedules: done callbacks run once, however the task ends",
          "[schedules][cancel][done_callback]") {
  holds_in_all_schedules(make_scenario<DoneCallbacks>, {"pending", "sleep of 1s", "suspended"});
}

/// What a lock is used for, made of what there is: a token that is taken and given back, in a cleanup that awaits.
class Cleanup : public Scenario {
 public:
  Coro<> main() override { co_await use(); }
  void begin() override {
    for (int i = 0; i < 2; ++i) spawn("other", use());
  }
  void end(const Task<>&) override {
    run_to_end();
    expect(tokens == 1, "there are " + std::to_string(tokens) + " tokens");
    expect(used >= 2, "the others had no turn");
  }

  Coro<> use() {
    const Counted local;
    while (tokens == 0) co_await Sleep(100ms);
    --tokens;
    std::exception_ptr why;
    try {
      co_await Sleep(1s);
      ++used;
    } catch (...) {
      why = std::current_exception();
    }
    co_await give_back();
    if (why) std::rethrow_exception(why);
  }

  /// Awaits, and is done to its end however often it is cancelled.
  Coro<> give_back() {
    std::exception_ptr why;
    for (bool given = false; !given;) {
      try {
        co_await Sleep(100ms);
        co_await yield_now();
        given = true;
      } catch (const CancelledError&) {
        why = std::current_exception();
      }
    }
    ++tokens;
    if (why) std::rethrow_exception(why);
  }

  int tokens = 1;
  int used = 0;
};

TEST_CASE("Schedules: cleanup that awaits while it is cancelled is done to its end",
          "[schedules][cancel][cleanup]") {
  holds_in_all_schedules(make_scenario<Cleanup>,
                         {"pending", "sleep of 0.1s", "sleep of 1s", "suspended"});
}

// ---- Waiting for sockets

/// Somebody writes, main reads: every byte is read, or is still there.
class Reader : public Scenario {
 public:
  Coro<> main() override {
    std::array<char, 3> buffer;
    for (;;) {
      const std::size_t n = co_await ReadSocket(pair.a, buffer);
      if (n == 0) break;
      received.append(buffer.data(), n);
    }
    note("the end");
  }
  void begin() override {
    spawn("writer", [this]() -> Coro<> {
      for (const auto* piece : {"one", "two", "three", "four"}) {
        put(pair.b, piece);
        co_await Sleep(1s);
      }
      pair.b.close();
    });
  }
  void end(const Task<>& main) override {
    run_to_end();
    const std::string rest = drain(pair.a);
    expect(received + rest == "onetwothreefour", "read " + received + ", left " + rest);
    expect(main.cancelled() || !trace.empty(), "it did not read to the end");
    expect(loop.run_once() == false, "somebody still waits at the socket");
  }

  SocketPair pair;
  std::string received;
};

TEST_CASE("Schedules: a byte is read, or is there to be read", "[schedules][cancel][read]") {
  holds_in_all_schedules(make_scenario<Reader>, {"pending", "recv from ?", "suspended"});
}

/// Two readers, one after the other, of one stream; main is the first.
class TwoReaders : public Reader {
 public:
  void end(const Task<>& main) override {
    const bool was_cancelled = main.cancelled();
    if (was_cancelled) {
      // Cancelled, it has left the socket at once: another reads on.
      const auto second = spawn("second", this->main());
      run_to_end();
      expect(second.done() && !second.cancelled(), "the second reader did not come to the end");
    }
    run_to_end();
    expect(received == "onetwothreefour", "read " + received);
  }
};

TEST_CASE("Schedules: who reads on after a cancel misses nothing", "[schedules][cancel][read]") {
  holds_in_all_schedules(make_scenario<TwoReaders>, {"pending", "recv from ?", "suspended"});
}

class ExactReader : public Scenario {
 public:
  Coro<> main() override {
    co_await read_exactly(pair.a, {first.data(), first.size()});
    note("first");
    co_await read_exactly(pair.a, {second.data(), second.size()});
    note("second");
  }
  void begin() override {
    spawn("writer", [this]() -> Coro<> {
      for (const auto* piece : {"ab", "cdef", "gh"}) {
        put(pair.b, piece);
        co_await Sleep(1s);
      }
    });
  }
  void end(const Task<>& main) override {
    run_to_end();
    const std::string rest = drain(pair.a);
    if (trace.empty()) {
      expect(main.cancelled(), "it ended too soon");
    } else {
      expect(first == "abcd", "the first is " + first);
    }
    if (trace.size() == 2) expect(second == "efgh" && rest.empty(), "the second is " + second);
    // What was taken is in a buffer, in order, and the rest is in the socket.
    std::string all = first + second;
    all.erase(std::remove(all.begin(), all.end(), '?'), all.end());
    expect(all + rest == "abcdefgh", "read " + all + ", left " + rest);
  }

  SocketPair pair;
  std::string first = "????", second = "????";
};

TEST_CASE("Schedules: read_exactly takes no byte that is in no buffer",
          "[schedules][cancel][read_exactly]") {
  holds_in_all_schedules(make_scenario<ExactReader>, {"pending", "recv from ?", "suspended"});
}

/// Main writes, somebody reads slowly: what was written has arrived, and nothing else.
class Writer : public Scenario {
 public:
  Writer() {
    make_small(pair.a);
    noise = fill(pair.a);
  }
  Coro<> main() override {
    for (const auto* piece : {"one", "two", "three"}) {
      const std::size_t n = co_await WriteSocket(pair.a, piece);
      sent.append(piece, n);
      // What was there before, or room for one piece at a time would not last.
      noise += fill(pair.a);
    }
  }
  void begin() override {
    spawn("reader", [this]() -> Coro<> {
      for (int i = 0; i < 4; ++i) {
        co_await Sleep(1s);
        arrived += drain(pair.b);
      }
    });
  }
  void end(const Task<>& main) override {
    run_to_end();
    arrived += drain(pair.b);
    expect(static_cast<std::size_t>(std::count(arrived.begin(), arrived.end(), '.')) == noise,
           "noise was lost");
    arrived.erase(std::remove(arrived.begin(), arrived.end(), '.'), arrived.end());
    expect(arrived == sent, "sent " + sent + ", arrived " + arrived);
    expect(main.cancelled() || sent == "onetwothree", "it ended too soon");
  }

  SocketPair pair;
  std::size_t noise = 0;
  std::string sent, arrived;
};

TEST_CASE("Schedules: what was written arrives, and what was not does not",
          "[schedules][cancel][write]") {
  holds_in_all_schedules(make_scenario<Writer>, {"pending", "send to ?", "suspended"});
}

class AllWriter : public Scenario {
 public:
  AllWriter() {
    make_small(pair.a);
    for (std::size_t i = 0; i < 30'000; ++i) text += static_cast<char>('a' + i % 26);
  }
  Coro<> main() override {
    co_await write_all(pair.a, text);
    note("all");
  }
  void begin() override {
    spawn("reader", [this]() -> Coro<> {
      for (int i = 0; i < 10; ++i) {
        co_await Sleep(1s);
        arrived += drain(pair.b);
      }
    });
  }
  void end(const Task<>& main) override {
    run_to_end();
    arrived += drain(pair.b);
    expect(text.compare(0, arrived.size(), arrived) == 0,
           "what arrived is no beginning of the text");
    expect(main.cancelled() == trace.empty(), "it is neither done nor cancelled");
    if (!trace.empty()) expect(arrived == text, "something is missing");
  }

  SocketPair pair;
  std::string text, arrived;
};

TEST_CASE("Schedules: write_all sends a beginning of its text, or all",
          "[schedules][cancel][write_all]") {
  holds_in_all_schedules(make_scenario<AllWriter>, {"pending", "send to ?", "suspended"});
}

/// Three connect, main accepts: each is accepted, or waits in the queue.
class Acceptor : public Scenario {
 public:
  Coro<> main() override {
    for (int i = 0; i < 3; ++i) {
      const Socket client = co_await AcceptSocket(listener);
      ++accepted;
    }
  }
  void begin() override {
    for (const auto delay : {0s, 1s, 2s}) {
      spawn("client", [this, delay]() -> Coro<> {
        co_await Sleep(delay);
        const Socket server = co_await connect_tcp(listener.local_address());
        ++connected;
        co_await Sleep(10s);
      });
    }
  }
  void end(const Task<>& main) override {
    spawn("second", [this]() -> Coro<> {
      while (accepted < 3) {
        const Socket client = co_await AcceptSocket(listener);
        ++accepted;
      }
    });
    run_to_end();
    expect(accepted == 3, std::to_string(accepted) + " of three were accepted");
    expect(connected == 3, std::to_string(connected) + " of three connected");
    expect(main.done(), "it is not done");
  }

  Socket listener = listen_tcp({"127.0.0.1", 0});
  int accepted = 0;
  int connected = 0;
};

TEST_CASE("Schedules: a client is accepted, or waits to be", "[schedules][cancel][accept]") {
  holds_in_all_schedules(make_scenario<Acceptor>, {"accept on", "pending", "suspended"});
}

/// Main connects, talks and hangs up: the other side sees a connection that ends, or none.
class Connector : public Scenario {
 public:
  Coro<> main() override {
    Socket server = co_await connect_tcp(listener.local_address());
    co_await write_all(server, "hello");
    co_await Sleep(1s);
  }
  void begin() override {
    acceptor = spawn("acceptor", [this]() -> Coro<> {
      Socket client = co_await AcceptSocket(listener);
      std::array<char, 64> buffer;
      for (;;) {
        const std::size_t n = co_await ReadSocket(client, buffer);
        if (n == 0) break;
        heard.append(buffer.data(), n);
      }
      note("hung up");
    });
  }
  void end(const Task<>& main) override {
    loop.call_later(1s, [this] { acceptor.cancel(); });  // where nobody has connected
    run_to_end();
    expect(heard.empty() || heard == "hello", "heard " + heard);
    expect(main.cancelled() || heard == "hello", "it ended too soon");
    expect(heard.empty() || trace == Trace{"hung up"}, "the connection did not end");
  }

  Socket listener = listen_tcp({"127.0.0.1", 0});
  Task<> acceptor;
  std::string heard;
};

TEST_CASE("Schedules: a connection is made and ended, or was never there",
          "[schedules][cancel][connect]") {
  holds_in_all_schedules(make_scenario<Connector>,
                         {"connect to", "pending", "sleep of 1s", "suspended"});
}

// ---- All together

/// An echo server and its clients. What is cancelled is the server's accepting, then one conversation, then one client.
class Echo : public Scenario {
 public:
  void begin() override {
    if (role != Role::kServer) server = spawn("server", serve());
    if (role == Role::kServer) server = Task<>();
    for (int i = role == Role::kClient ? 1 : 0; i < 3; ++i)
      clients.push_back(spawn("client", ask("client " + std::to_string(i))));
  }
  Coro<> main() override {
    if (role == Role::kServer) return serve();
    return ask("client 0");
  }
  void end(const Task<>& main) override {
    loop.call_later(5s, [this] { stop_all(); });
    run_to_end();
    expect(wrong == 0, "an answer was not what was asked");
    for (const Task<>& client : clients) expect(client.done(), "a client waits for ever");
    if (!main.cancelled() || role == Role::kClient)
      expect(answers >= 2 * 2, "only " + std::to_string(answers) + " answers");
  }

 protected:
  enum class Role { kServer, kClient };
  explicit Echo(Role whom) : role(whom) {}

  void stop_all() {
    if (server) server.cancel("the test is over");
    for (const Task<>& task : conversations) task.cancel("the test is over");
    for (const Task<>& task : clients) task.cancel("the test is over");
  }

  Coro<> serve() {
    for (int i = 0; i < 3; ++i) {
      Socket client = co_await AcceptSocket(listener);
      conversations.push_back(loop.create_task(converse(std::move(client))));
    }
  }

  Coro<> converse(Socket client) {
    const Counted local;
    std::array<char, 64> buffer;
    try {
      for (;;) {
        const std::size_t n = co_await ReadSocket(client, buffer);
        if (n == 0) co_return;
        co_await write_all(client, {buffer.data(), n});
      }
    } catch (const std::system_error&) {
      co_return;  // a client that goes before it has read its answer resets the connection
    }
  }

  Coro<> ask(std::string name) {
    const Counted local;
    Socket server_end = co_await connect_tcp(listener.local_address());
    for (int i = 0; i < 2; ++i) {
      const std::string question = name + " asks " + std::to_string(i);
      co_await write_all(server_end, question);
      std::string answer(question.size(), '?');
      co_await read_exactly(server_end, {answer.data(), answer.size()});
      ++(answer == question ? answers : wrong);
      co_await Sleep(1s);
    }
  }

  const Role role;
  Socket listener = listen_tcp({"127.0.0.1", 0});
  Task<> server;
  std::vector<Task<>> conversations, clients;
  int answers = 0;
  int wrong = 0;
};

struct EchoServer : Echo {
  EchoServer() : Echo(Role::kServer) {}
};
struct EchoClient : Echo {
  EchoClient() : Echo(Role::kClient) {}
};

TEST_CASE("Schedules: an echo server may be cancelled anywhere, and its conversations go on",
          "[schedules][cancel][echo]") {
  holds_in_all_schedules(make_scenario<EchoServer>, {"accept on", "pending", "suspended"});
}

TEST_CASE("Schedules: an echo client may be cancelled anywhere, and the others have their answers",
          "[schedules][cancel][echo]") {
  holds_in_all_schedules(make_scenario<EchoClient>,
                         {"connect to", "pending", "recv from", "sleep of 1s", "suspended"});
}

}  // namespace test_schedules
