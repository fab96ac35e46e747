#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"

namespace test_error_context {

using namespace std::chrono_literals;
using treadle::AcceptSocket;
using treadle::connect_tcp;
using treadle::Coro;
using treadle::ErrorContext;
using treadle::EventLoop;
using treadle::listen_tcp;
using treadle::OperationError;
using treadle::read_exactly;
using treadle::ReadSocket;
using treadle::Sleep;
using treadle::Socket;
using treadle::Task;
using treadle::write_all;
using treadle::WriteSocket;
using treadle::yield_now;
using treadle::testing::Call;
using treadle::testing::Failing;
using treadle::testing::in_child;
using treadle::testing::LoopFixture;
using treadle::testing::reset_connection;
using treadle::testing::SocketPair;
using treadle::testing::TcpPair;
using treadle::testing::Trace;

/// A fixture that keeps what the handler is told.
class Told : public LoopFixture {
 public:
  Told() {
    loop.set_exception_handler([this](const ErrorContext& context) { told.push_back(context); });
  }

  static Coro<> read(Socket& socket) {
    char byte;
    co_await ReadSocket(socket, {&byte, 1});
  }

  std::vector<ErrorContext> told;
};

Coro<> fail(std::string why) {
  co_await yield_now();
  throw std::runtime_error(why);
}

TEST_CASE_METHOD(Told, "ErrorContext: an error that nobody awaited names its task", "[errors]") {
  spawn("a", []() -> Coro<> { co_await yield_now(); });
  spawn("b", fail("no"));
  run_until_idle();
  REQUIRE(told.size() == 1);
  CHECK(told[0].message == "Task-2 failed and nobody awaited it");
  CHECK(told[0].task == "Task-2");
  CHECK(told[0].task_id == 2);
  CHECK(told[0].operation.empty());
  CHECK_THROWS_WITH(std::rethrow_exception(told[0].error), "no");
}

TEST_CASE_METHOD(Told, "ErrorContext: a failed operation is named, with its peer",
                 "[errors][socket]") {
  TcpPair pair;
  const std::string peer = pair.a.peer().to_string();
  spawn("a", read(pair.a));
  run_until_idle();
  reset_connection(pair.b);
  run_until_idle();
  REQUIRE(told.size() == 1);
  CHECK(told[0].task == "Task-1");
  CHECK(told[0].task_id == 1);
  CHECK(told[0].operation == "recv from " + peer);
  CHECK_THAT(describe(told[0]),
             ContainsSubstring("Task-1 failed and nobody awaited it: recv from " + peer));
}

TEST_CASE_METHOD(Told, "ErrorContext: the operation is that which failed, deep in the chain",
                 "[errors][socket]") {
  SocketPair pair;
  const auto deep = [](Socket& socket) -> Coro<> { co_await read(socket); };
  const Failing broken(Call::kRecv, ECONNRESET);
  spawn("a", deep(pair.a));
  run_until_idle();
  REQUIRE(told.size() == 1);
  CHECK(told[0].operation == "recv from ?");
}

TEST_CASE_METHOD(Told, "ErrorContext: a callback that fails is no task's", "[errors][call_soon]") {
  loop.call_soon([] { throw std::runtime_error("no"); });
  loop.call_later(1s, [] { throw OperationError(ECONNRESET, "send to 1.2.3.4:5", "Task-9"); });
  run_to_end();
  REQUIRE(told.size() == 2);
  CHECK(told[0].task.empty());
  CHECK(told[0].task_id == 0);
  CHECK(told[0].operation.empty());
  CHECK_FALSE(told[0].message.empty());
  CHECK(told[1].task.empty());
}

TEST_CASE("OperationError: it has all that a system_error has, and more", "[errors]") {
  const OperationError error(ECONNRESET, "recv from 127.0.0.1:80", "Task-7");
  CHECK(error.operation() == "recv from 127.0.0.1:80");
  CHECK(error.task() == "Task-7");
  CHECK(error.code() == std::error_code(ECONNRESET, std::generic_category()));
  CHECK(std::string(error.what()) ==
        std::system_error(ECONNRESET, std::generic_category(), "recv from 127.0.0.1:80").what());
}

TEST_CASE_METHOD(LoopFixture, "OperationError: each operation that fails throws it, by name",
                 "[errors][socket]") {
  SocketPair pair;
  Socket listener = listen_tcp({"127.0.0.1", 0});
  const std::string listens_on = listener.local_address().to_string();
  const auto note_error = [this](Coro<> operation) -> Coro<> {
    try {
      co_await std::move(operation);
    } catch (const OperationError& error) {
      note(error.task() + " " + error.operation() + " " + std::to_string(error.code().value()));
    }
  };
  const auto attempt = [&](Call call, int error, Coro<> operation) {
    const Failing failing(call, error);
    spawn("a", note_error(std::move(operation)));
    run_until_idle();
  };
  attempt(Call::kRecv, ECONNRESET, [](Socket& socket) -> Coro<> {
    char byte;
    co_await ReadSocket(socket, {&byte, 1});
  }(pair.a));
  attempt(Call::kRecv, ECONNRESET, [](Socket& socket) -> Coro<> {
    char byte;
    co_await read_exactly(socket, {&byte, 1});
  }(pair.a));
  attempt(Call::kSend, EPIPE,
          [](Socket& socket) -> Coro<> { co_await WriteSocket(socket, "x"); }(pair.a));
  attempt(Call::kSend, EPIPE,
          [](Socket& socket) -> Coro<> { co_await write_all(socket, "x"); }(pair.a));
  attempt(Call::kAccept, EMFILE, [](Socket& socket) -> Coro<> {
    const Socket client = co_await AcceptSocket(socket);
  }(listener));
  attempt(Call::kConnect, ECONNREFUSED, []() -> Coro<> {
    const Socket server = co_await connect_tcp({"127.0.0.1", 9});
  }());
  const auto number = [](int error) { return " " + std::to_string(error); };
  CHECK(trace == Trace{"Task-1 recv from ?" + number(ECONNRESET),
                       "Task-2 recv from ?" + number(ECONNRESET),
                       "Task-3 send to ?" + number(EPIPE), "Task-4 send to ?" + number(EPIPE),
                       "Task-5 accept on " + listens_on + number(EMFILE),
                       "Task-6 connect to 127.0.0.1:9" + number(ECONNREFUSED)});
}

TEST_CASE_METHOD(LoopFixture, "OperationError: one that failed while it waited names the waiter",
                 "[errors][socket]") {
  SocketPair pair;
  std::optional<OperationError> seen;
  spawn("a", []() -> Coro<> { co_await Sleep(1s); });
  spawn("b", [&]() -> Coro<> {
    char byte;
    try {
      co_await ReadSocket(pair.a, {&byte, 1});
    } catch (const OperationError& error) {
      seen = error;
    }
  });
  run_until_idle();
  pair.a.close();
  run_until_idle();
  REQUIRE(seen);
  CHECK(seen->task() == "Task-2");
  CHECK(seen->code().value() == ECANCELED);
  CHECK_THAT(seen->operation(), ContainsSubstring("recv from ?"));
  CHECK_THAT(std::string(seen->what()),
             ContainsSubstring("the socket was closed while a task waited"));
}

TEST_CASE("ErrorContext: a handler that throws does not take the loop down", "[errors]") {
  LoopFixture::restart_ids();
  const auto ending = in_child([] {
    EventLoop loop;
    loop.set_exception_handler(
        [](const ErrorContext&) { throw std::runtime_error("the handler's"); });
    loop.create_task(fail("the task's"));
    loop.call_soon([] { throw std::runtime_error("the callback's"); });
    loop.run_until_idle();
    if (loop.run_until_complete([]() -> Coro<int> { co_return 3; }()) != 3)
      throw std::runtime_error("it does not run any more");
    loop.set_exception_handler([](const ErrorContext&) { throw 42; });
    loop.create_task(fail("another"));
    loop.run_until_idle();
  });
  CHECK(ending.exit_code == 0);
  CHECK(ending.signal == 0);
  for (const auto* part : {"the handler's", "the task's", "the callback's", "another", "Task-1"})
    CHECK_THAT(ending.said, ContainsSubstring(part));
}

TEST_CASE("ErrorContext: without a handler all of it is printed", "[errors]") {
  LoopFixture::restart_ids();
  const auto ending = in_child([] {
    EventLoop loop;
    loop.create_task([]() -> Coro<> {
      SocketPair pair;
      const Failing broken(Call::kRecv, ECONNRESET);
      co_await Told::read(pair.a);
    }());
    loop.run_until_idle();
  });
  CHECK(ending.exit_code == 0);
  CHECK_THAT(ending.said, ContainsSubstring("Task-1 failed and nobody awaited it") &&
                              ContainsSubstring("recv from ?"));
}

}  // namespace test_error_context
