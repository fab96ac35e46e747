// The laws of LineReader: lines, however the bytes come.
#include <sys/ioctl.h>

#include <stdexcept>

#include "testing/loop_fixture.hpp"
#include "testing/socket_pair.hpp"
#include "treadle/sleep.hpp"
#include "treadle/socket.hpp"

using namespace std::chrono_literals;
using namespace std::string_literals;
using treadle::testing::LoopFixture;
using treadle::testing::SocketPair;

#include ANSWER

namespace {

using Lines = std::vector<std::string>;

class Connection : public LoopFixture {
 public:
  SocketPair ends;  // we write to a, the reader reads from b

  void send(std::string_view bytes) { treadle::testing::put(ends.a, bytes); }
  void end() { ends.a.shutdown_write(); }

  // What next() gives or throws, in words; or that it waits, when all that was sent lies there.
  std::string next(LineReader& reader) {
    auto line = loop.create_task(reader.next());
    loop.run_until_idle();
    if (!line.done()) return "(waits)";
    try {
      return line.result() ? "\"" + *line.result() + "\"" : "(end)";
    } catch (const std::length_error&) {
      return "(length_error)";
    }
  }

  // Bytes that nobody has read yet.
  int left_in_the_kernel() const {
    int bytes = -1;
    ::ioctl(ends.b.fd(), FIONREAD, &bytes);
    return bytes;
  }
};

// All lines until the end.
treadle::Coro<Lines> all_lines(treadle::Socket& socket, std::size_t limit) {
  LineReader reader(socket, limit);
  Lines lines;
  for (;;) {
    std::optional<std::string> line = co_await reader.next();
    if (!line) break;
    lines.push_back(*line);
    if (lines.size() > 100)
      throw std::runtime_error("more than 100 lines, and there are but a few");
  }
  co_return lines;
}

}  // namespace

TEST_CASE_METHOD(Connection, "LineReader: gives each line without its newline") {
  LineReader reader(ends.b, 80);
  send("to be\n");
  CHECK(next(reader) == "\"to be\"");
  send("or not\n");
  INFO("One line was sent after the other.");
  CHECK(next(reader) == "\"or not\"");
}

TEST_CASE_METHOD(Connection, "LineReader: a line may come in pieces") {
  auto lines = spawn("reader", all_lines(ends.b, 80));
  for (const char* piece : {"he", "llo\nwo", "r", "ld", "\n"}) {
    run_until_idle();
    CHECK_FALSE(lines.done());
    send(piece);
  }
  end();
  run_until_idle();
  REQUIRE(lines.done());
  INFO("Sent as he|llo\\nwo|r|ld|\\n. Where a read ends says nothing about where a line ends.");
  CHECK(lines.result() == Lines{"hello", "world"});
}

TEST_CASE_METHOD(Connection, "LineReader: lines that came together need no more bytes") {
  LineReader reader(ends.b, 80);
  send("one\ntwo\nthree\nfo");
  CHECK(next(reader) == "\"one\"");
  INFO(
      "All four lines came with the first read. What was read behind the first one must be kept, "
      "and to read again before it is used up is to wait for nothing.");
  CHECK(next(reader) == "\"two\"");
  CHECK(next(reader) == "\"three\"");
  send("ur\n");
  CHECK(next(reader) == "\"four\"");

  SocketPair other;
  LineReader second(other.b, 80);
  send("five\nsix\n");
  treadle::testing::put(other.a, "1\n2\n");
  CHECK(next(reader) == "\"five\"");
  INFO("Two connections, each with a reader of its own.");
  CHECK(next(second) == "\"1\"");
  CHECK(next(reader) == "\"six\"");
  CHECK(next(second) == "\"2\"");
}

TEST_CASE_METHOD(Connection, "LineReader: an empty line is a line") {
  send("\n\nx\n\n");
  end();
  INFO("Sent as \\n\\nx\\n\\n: four newlines, so four lines.");
  CHECK(run([&] { return all_lines(ends.b, 80); }) == Lines{"", "", "x", ""});
}

TEST_CASE_METHOD(Connection, "LineReader: a last line needs no newline, and then comes the end") {
  LineReader reader(ends.b, 80);
  send("one\ntwo");
  end();
  CHECK(next(reader) == "\"one\"");
  UNSCOPED_INFO(
      "The stream ended after \"two\", without a newline. Bytes that were sent must not vanish.");
  CHECK(next(reader) == "\"two\"");
  {
    INFO("After the last line comes the end, as often as one asks.");
    CHECK(next(reader) == "(end)");
    CHECK(next(reader) == "(end)");
  }

  SocketPair other;
  treadle::testing::put(other.a, "one\n");
  other.a.shutdown_write();
  LineReader whole(other.b, 80);
  CHECK(next(whole) == "\"one\"");
  UNSCOPED_INFO("The stream ended right behind a newline: there is no line behind it.");
  CHECK(next(whole) == "(end)");
}

TEST_CASE_METHOD(Connection, "LineReader: a line over the limit is refused") {
  {
    LineReader reader(ends.b, 5);
    send("12345\n1234\n");
    INFO("The limit is 5, and the newline does not count: a line of exactly 5 bytes is right.");
    CHECK(next(reader) == "\"12345\"");
    CHECK(next(reader) == "\"1234\"");
    send("12345");
    CHECK(next(reader) == "(waits)");
  }
  SocketPair endless, whole, last;
  {
    treadle::testing::put(endless.a, "123456");
    LineReader reader(endless.b, 5);
    INFO(
        "The limit is 5 and 6 bytes came without a newline. It is clear by now; who waits for the "
        "end of such a line lets a stranger fill his memory.");
    CHECK(next(reader) == "(length_error)");
  }
  {
    treadle::testing::put(whole.a, "123456\n");
    LineReader reader(whole.b, 5);
    INFO("The limit is 5, and a line of 6 bytes is too long also where its newline came with it.");
    CHECK(next(reader) == "(length_error)");
  }
  {
    treadle::testing::put(last.a, "123456");
    last.a.shutdown_write();
    LineReader reader(last.b, 5);
    INFO("The limit is 5, for the last line too.");
    CHECK(next(reader) == "(length_error)");
  }
}

TEST_CASE_METHOD(Connection, "LineReader: any byte but the newline is part of a line") {
  LineReader reader(ends.b, 80);
  send("a\0b\r\n \t\n\xff\n"s);
  INFO("A zero byte, a carriage return and blanks are bytes like others; a buffer is no C string.");
  CHECK((next(reader) == "\"a\0b\r\""s));
  CHECK(next(reader) == "\" \t\"");
  CHECK((next(reader) == "\"\xff\""));
}

TEST_CASE_METHOD(Connection, "LineReader: takes what is there, and not byte by byte") {
  LineReader reader(ends.b, 80);
  send("one\ntwo\nthree\n");
  CHECK(next(reader) == "\"one\"");
  INFO(
      "Each read is a call into the kernel, and costs the same for one byte as for a thousand. "
      "Fourteen bytes lay there; so many are left after the first line:");
  CHECK(left_in_the_kernel() == 0);
}
