// The laws of messages: whole or not at all, however the kernel cuts them.
#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/socket.hpp"

using namespace std::string_literals;
using treadle::testing::LoopFixture;
using treadle::testing::SocketPair;

#include ANSWER

namespace {

class Wire : public LoopFixture {
 public:
  SocketPair ends;  // a sends, b receives

  // What receive_message() gives or throws, in words; or that it waits, when all that was sent lies there.
  std::string receive(treadle::Socket& socket) {
    auto message = loop.create_task(receive_message(socket));
    loop.run_until_idle();
    return message.done() ? words_of(message) : "(waits)";
  }

  static std::string words_of(const treadle::Task<std::optional<std::string>>& message) {
    try {
      if (!message.result()) return "(end)";
      const std::string& text = *message.result();
      return text.size() <= 20 ? text : "(" + std::to_string(text.size()) + " bytes)";
    } catch (const treadle::IncompleteReadError&) {
      return "(IncompleteReadError)";
    }
  }

  // The same of bytes that come one after another, with a pause behind each, and of what `end` does.
  std::string receive_in_pieces(std::vector<std::string> pieces, bool end) {
    SocketPair other;
    auto message = loop.create_task(receive_message(other.b));
    for (const std::string& piece : pieces) {
      loop.run_until_idle();
      if (message.done()) return words_of(message) + ", before all of it was there";
      treadle::testing::put(other.a, piece);
    }
    if (end) other.a.shutdown_write();
    loop.run_until_idle();
    return message.done() ? words_of(message) : "(waits)";
  }

  void send(std::string text) {
    loop.create_task(send_message(ends.a, std::move(text)));
    loop.run_until_idle();
  }
};

// Reads until the end, and gives all of it.
treadle::Coro<std::string> all_bytes(treadle::Socket& socket) {
  std::string all;
  for (;;) {
    std::array<char, 65536> buffer;
    const std::size_t n = co_await treadle::ReadSocket(socket, buffer);
    if (n == 0) break;
    all.append(buffer.data(), n);
    if (all.size() > (8u << 20)) throw std::runtime_error("more than 8 MiB for a message of 2");
  }
  co_return all;
}

treadle::Coro<> send_and_end(treadle::Socket& socket, std::string text) {
  co_await send_message(socket, std::move(text));
  socket.shutdown_write();
}

}  // namespace

TEST_CASE_METHOD(Wire, "Message: a short one arrives as it was sent") {
  send("hello");
  send("a\nb\0c"s);
  INFO("Two messages were sent before the first was received; they stay two.");
  CHECK(receive(ends.b) == "hello");
  {
    SocketPair other;
    INFO("Nothing was sent on another connection, so there is nothing to receive.");
    CHECK(receive(other.b) == "(waits)");
  }
  CHECK(receive(ends.b) == "a\nb\0c"s);
  CHECK(receive(ends.b) == "(waits)");
}

TEST_CASE_METHOD(Wire, "Message: on the wire it is four bytes of length, then the text") {
  send("hello");
  INFO(
      "Others speak this protocol too: the length is 00 00 00 05, the highest byte first, on every "
      "machine.");
  CHECK(treadle::testing::drain(ends.b) == "\0\0\0\5hello"s);
  send(std::string(300, 'x'));
  CHECK(treadle::testing::drain(ends.b).substr(0, 4) == "\0\0\1\x2c"s);
}

TEST_CASE_METHOD(Wire, "Message: one that comes in pieces arrives whole") {
  UNSCOPED_INFO(
      "The length came whole and the text in three pieces. A read gives what is there, and that "
      "may be a part.");
  REQUIRE(receive_in_pieces({"\0\0\0\x0b"s, "hel", "lo wor", "ld"}, false) == "hello world");
  UNSCOPED_INFO(
      "The length itself came in pieces, and the last of them with the beginning of the text.");
  CHECK(receive_in_pieces({"\0"s, "\0\0"s, "\5he"s, "llo"}, false) == "hello");
}

TEST_CASE_METHOD(Wire, "Message: a large one is sent whole") {
  std::string text(2 << 20, '.');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  auto sent = spawn("sender", send_and_end(ends.a, text));
  auto received = spawn("receiver", all_bytes(ends.b));
  run_to_end();
  sent.result();
  const std::string arrived = received.result();
  UNSCOPED_INFO(
      "A message of 2 MiB was sent, which is more than the kernel takes at once, and the other "
      "side read to the end. It got so many bytes (length and text):");
  REQUIRE(arrived.size() == text.size() + 4);
  UNSCOPED_INFO("Each byte is sent once and in its place.");
  CHECK((arrived.substr(0, 4) == "\0\x20\0\0"s && arrived.substr(4) == text));

  SocketPair other;
  spawn("sender", send_message(other.a, text));
  auto message = spawn("receiver", receive_message(other.b));
  run_to_end();
  const bool arrived_whole = message.result() == text;
  UNSCOPED_INFO("The same message, received by receive_message().");
  CHECK(arrived_whole);
}

TEST_CASE_METHOD(Wire, "Message: an empty one is a message") {
  send("");
  send("next");
  INFO(
      "An empty message was sent, and another one behind it. To read nothing is no reason to "
      "read.");
  CHECK(receive(ends.b) == "");
  CHECK(receive(ends.b) == "next");
}

TEST_CASE_METHOD(Wire, "Message: the end between two messages is the end") {
  send("last");
  ends.a.shutdown_write();
  CHECK(receive(ends.b) == "last");
  INFO("The other side has sent all it had to say, and then ended its stream, as one should.");
  CHECK(receive(ends.b) == "(end)");
  CHECK(receive(ends.b) == "(end)");
}

TEST_CASE_METHOD(Wire, "Message: the end within a message is an error") {
  INFO("A message that was cut off must never pass for a whole one, nor for none. The end came...");
  {
    INFO("... after three of five bytes of text.");
    CHECK(receive_in_pieces({"\0\0\0\5hel"s}, true) == "(IncompleteReadError)");
  }
  {
    INFO("... after the length, before the first byte of text.");
    CHECK(receive_in_pieces({"\0\0\0\5"s}, true) == "(IncompleteReadError)");
  }
  {
    INFO("... in the middle of the length.");
    CHECK(receive_in_pieces({"\0\0"s}, true) == "(IncompleteReadError)");
  }
}
