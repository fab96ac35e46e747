#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sys/time.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "testing/catch.hpp"
#include "testing/child_process.hpp"
#include "testing/faults.hpp"
#include "testing/thread.hpp"
#include "treadle/poller.hpp"
#include "treadle/unique_fd.hpp"

namespace test_poller {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using treadle::FdWaiter;
using treadle::Poller;
using treadle::Readiness;
using treadle::Registration;
using treadle::UniqueFd;
using treadle::testing::Call;
using treadle::testing::calls;
using treadle::testing::comes_true;
using treadle::testing::Failing;
using treadle::testing::in_child;
using treadle::testing::last_poll_timeout;
using treadle::testing::said_in_dying;
using treadle::testing::Thread;

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    out = UniqueFd(ends[0]);
    in = UniqueFd(ends[1]);
    out_registration = Registration(ends[0]);
    in_registration = Registration(ends[1]);
  }
  void put(char byte = '.') { REQUIRE(::write(in.get(), &byte, 1) == 1); }
  void take() {
    char byte = 0;
    REQUIRE(::read(out.get(), &byte, 1) == 1);
  }
  // So much is on its way that `out` cannot be written.
  void clog() {
    const std::array<char, 4096> bytes{};
    while (::send(out.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    REQUIRE(errno == EAGAIN);
  }
  void unclog() {
    std::array<char, 4096> bytes;
    while (::recv(in.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    REQUIRE(errno == EAGAIN);
  }
  UniqueFd out, in;
  Registration out_registration, in_registration;
};

using Tried = std::vector<int>;

class Waiter final : public FdWaiter {
 public:
  Waiter(int name, Tried& tried, bool content = true)
      : name_(name), tried_(tried), content_(content) {}
  bool try_again() noexcept override {
    tried_.push_back(name_);
    return content_;
  }
  void be(bool content) { content_ = content; }

 private:
  int name_;
  Tried& tried_;
  bool content_;
};

TEST_CASE("Poller: who waits tries when his descriptor is ready, and has left then", "[poller]") {
  Tried tried;
  Pipe ready, silent;
  Poller poller;
  CHECK(poller.empty());
  Waiter one(1, tried), two(2, tried);
  poller.add(one, ready.out_registration, Readiness::kReadable);
  poller.add(two, silent.out_registration, Readiness::kReadable);
  CHECK_FALSE(poller.empty());
  poller.wait(0ns);
  CHECK(tried.empty());
  ready.put();
  poller.wait(0ns);
  CHECK(tried == Tried{1});
  CHECK_FALSE(one.registered());
  CHECK(two.registered());
  poller.wait(0ns);
  CHECK(tried == Tried{1});
}

TEST_CASE("Poller: who is not content after trying stays", "[poller]") {
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter waiter(1, tried, false);
  poller.add(waiter, pipe.out_registration, Readiness::kReadable);
  pipe.put();
  poller.wait(0ns);
  poller.wait(0ns);
  CHECK(tried == Tried{1, 1});
  CHECK(waiter.registered());
  waiter.be(true);
  poller.wait(0ns);
  CHECK_FALSE(waiter.registered());
}

TEST_CASE("Poller: all that are ready try in one wait, each once", "[poller]") {
  for (unsigned leaving = 0; leaving < 16; ++leaving) {  // each set of those who leave
    Tried tried;
    std::vector<Pipe> pipes(5);
    Poller poller;
    std::vector<std::unique_ptr<Waiter>> waiters;
    for (int i = 0; i < 5; ++i) {
      const bool content = i < 4 && (leaving >> i & 1) != 0;
      waiters.push_back(std::make_unique<Waiter>(i, tried, content));
      poller.add(*waiters.back(), pipes[static_cast<std::size_t>(i)].out_registration,
                 Readiness::kReadable);
    }
    for (auto& pipe : pipes) pipe.put();
    poller.wait(0ns);
    std::sort(tried.begin(), tried.end());
    CHECK(tried == Tried{0, 1, 2, 3, 4});
    for (int i = 0; i < 5; ++i) {
      CHECK(waiters[static_cast<std::size_t>(i)]->registered() !=
            (i < 4 && (leaving >> i & 1) != 0));
    }
  }
}

TEST_CASE("Poller: reading and writing on one descriptor are two waits", "[poller]") {
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter reader(1, tried), writer(2, tried);
  poller.add(reader, pipe.out_registration, Readiness::kReadable);
  poller.add(writer, pipe.out_registration, Readiness::kWritable);
  poller.wait(0ns);
  CHECK(tried == Tried{2});
  pipe.put();
  poller.wait(0ns);
  CHECK(tried == Tried{2, 1});
}

TEST_CASE("Poller: reader and writer of one descriptor are one question", "[poller]") {
  // poll(2) refuses more questions than the process may have descriptors.
  const auto ending = in_child([] {
    Tried tried;
    std::vector<Pipe> pipes(15);
    const rlimit few{40, 40};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    Poller poller;
    std::vector<std::unique_ptr<Waiter>> waiters;
    for (Pipe& pipe : pipes) {
      pipe.clog();
      for (Registration* end : {&pipe.out_registration, &pipe.in_registration}) {
        for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable}) {
          waiters.push_back(std::make_unique<Waiter>(end->fd(), tried, false));
          poller.add(*waiters.back(), *end, readiness);
        }
      }
    }
    poller.wait(0ns);
    REQUIRE(tried.size() == 30);  // each end `in` can be read and written
    REQUIRE(waiters.size() == 60);
  });
  CHECK(ending.exit_code == 0);
  CHECK(ending.said.empty());
}

TEST_CASE("Poller: of reader and writer one leaves, and the other stays", "[poller]") {
  for (const bool reader_leaves : {true, false}) {
    Tried tried;
    Pipe pipe;
    pipe.put();
    Poller poller;
    Waiter reader(1, tried, false), writer(2, tried, false);
    poller.add(reader, pipe.out_registration, Readiness::kReadable);
    poller.add(writer, pipe.out_registration, Readiness::kWritable);
    (reader_leaves ? reader : writer).leave();
    CHECK_FALSE(poller.wait(0ns));
    CHECK(tried == Tried{reader_leaves ? 2 : 1});
    (reader_leaves ? writer : reader).leave();
    CHECK(poller.empty());
    CHECK(poller.wait(0ns));
  }
}

TEST_CASE("Poller: both leave in one wait, and the last one, which moves up, tries in it too",
          "[poller]") {
  Tried tried;
  std::vector<Pipe> pipes(3);
  for (Pipe& pipe : pipes) pipe.put();
  Poller poller;
  Waiter reader(1, tried), writer(2, tried), next(3, tried, false), last(4, tried);
  poller.add(reader, pipes[0].out_registration, Readiness::kReadable);
  poller.add(next, pipes[1].out_registration, Readiness::kReadable);
  poller.add(last, pipes[2].out_registration, Readiness::kReadable);
  poller.add(writer, pipes[0].out_registration, Readiness::kWritable);
  poller.wait(0ns);
  std::sort(tried.begin(), tried.end());
  CHECK(tried == Tried{1, 2, 3, 4});
  CHECK(next.registered());
  CHECK_FALSE(writer.registered());
}

TEST_CASE("Poller: a side that nobody waits for is not asked about", "[poller]") {
  Tried tried;
  Pipe pipe;
  pipe.clog();
  Poller poller;
  Waiter reader(1, tried), writer(2, tried);
  poller.add(reader, pipe.out_registration, Readiness::kReadable);
  poller.add(writer, pipe.out_registration, Readiness::kWritable);
  pipe.put();
  CHECK_FALSE(poller.wait(0ns));  // the reader has what it wanted, and the byte stays where it is
  CHECK(tried == Tried{1});
  CHECK(poller.wait(0ns));  // so nothing comes up
  pipe.unclog();
  CHECK_FALSE(poller.wait(0ns));
  CHECK(tried == Tried{1, 2});
  poller.add(reader, pipe.out_registration, Readiness::kReadable);
  pipe.take();
  CHECK(poller.wait(0ns));  // it can be written, but nobody wants to any longer
  CHECK(tried == Tried{1, 2});
}

// ---- Registrations

TEST_CASE(
    "Poller: a registration goes with its descriptor, and the next of that number has another",
    "[poller][registration]") {
  Tried tried;
  Poller poller;
  Waiter reader(1, tried), writer(2, tried), after(3, tried);
  int number = -1;
  {
    Pipe pipe;
    number = pipe.out.get();
    poller.add(reader, pipe.out_registration, Readiness::kReadable);
    poller.add(writer, pipe.out_registration, Readiness::kWritable);
  }
  CHECK_FALSE(reader.registered());
  CHECK_FALSE(writer.registered());
  CHECK(poller.empty());
  Pipe pipe;
  REQUIRE(pipe.out.get() == number);
  pipe.put();
  poller.wait(0ns);
  CHECK(tried.empty());
  poller.add(after, pipe.out_registration, Readiness::kReadable);
  poller.wait(0ns);
  CHECK(tried == Tried{3});
}

TEST_CASE("Poller: a registration that is moved takes its waiters along",
          "[poller][registration]") {
  Tried tried;
  Pipe pipe, other, third;
  Poller poller;
  Waiter reader(1, tried, false), writer(2, tried, false), old(3, tried), last(4, tried);
  poller.add(reader, pipe.out_registration, Readiness::kReadable);
  poller.add(last, third.out_registration, Readiness::kReadable);
  poller.add(writer, pipe.out_registration, Readiness::kWritable);
  poller.add(old, other.out_registration, Readiness::kReadable);
  other.out_registration = std::move(pipe.out_registration);
  CHECK_FALSE(old.registered());  // the registration that was there is dropped
  CHECK_FALSE(pipe.out_registration.has_waiter());
  CHECK(other.out_registration.fd() == pipe.out.get());
  CHECK(other.out_registration.waiter(Readiness::kReadable) == &reader);
  pipe.put();
  poller.wait(0ns);
  CHECK(tried == Tried{1, 2});
  const Registration place = std::move(other.out_registration);
  writer.leave();
  poller.wait(0ns);
  CHECK(tried == Tried{1, 2, 1});
  reader.leave();
  CHECK_FALSE(place.has_waiter());
  third.put();
  poller.wait(0ns);
  CHECK(tried == Tried{1, 2, 1, 4});
  CHECK(poller.empty());
}

TEST_CASE("Poller: a registration without a waiter may go to another poller",
          "[poller][registration]") {
  Tried tried;
  Pipe pipe;
  Waiter waiter(1, tried);
  {
    Poller first;
    first.add(waiter, pipe.out_registration, Readiness::kReadable);
    waiter.leave();
    CHECK(first.empty());
  }
  Poller second;
  second.add(waiter, pipe.out_registration, Readiness::kReadable);
  pipe.put();
  second.wait(0ns);
  CHECK(tried == Tried{1});
}

TEST_CASE("Poller: to wait for one descriptor at two pollers breaks a precondition",
          "[poller][registration][check]") {
  CHECK_THAT(said_in_dying([] {
               Tried tried;
               Registration input(0);
               Poller one, other;
               Waiter reader(1, tried), writer(2, tried);
               one.add(reader, input, Readiness::kReadable);
               other.add(writer, input, Readiness::kWritable);
             }),
             ContainsSubstring("all waiters of a descriptor wait in one loop"));
}

/// Closes a descriptor when its own is ready.
class Closer final : public FdWaiter {
 public:
  Closer(Pipe& pipe, Tried& tried) : pipe_(pipe), tried_(tried) {}
  bool try_again() noexcept override {
    tried_.push_back(0);
    pipe_.out_registration.drop();
    pipe_.out.reset();
    return true;
  }

 private:
  Pipe& pipe_;
  Tried& tried_;
};

TEST_CASE("Poller: a descriptor may be closed while answers are still to be read",
          "[poller][registration]") {
  for (const std::size_t closed : {0u, 1u, 2u}) {  // that of the closer itself, or another
    Tried tried;
    std::vector<Pipe> pipes(3);
    Poller poller;
    Closer closer(pipes[closed], tried);
    Waiter second(1, tried, false), third(2, tried, false), writer(3, tried, false);
    poller.add(closer, pipes[0].out_registration, Readiness::kReadable);
    poller.add(writer, pipes[0].out_registration, Readiness::kWritable);
    poller.add(second, pipes[1].out_registration, Readiness::kReadable);
    poller.add(third, pipes[2].out_registration, Readiness::kReadable);
    for (Pipe& pipe : pipes) pipe.put();
    poller.wait(0ns);
    CHECK(tried.front() == 0);
    CHECK(second.registered() == (closed != 1));
    CHECK(third.registered() == (closed != 2));
    CHECK(writer.registered() == (closed != 0));
    tried.clear();
    poller.wait(0ns);
    CHECK(tried.size() == 2);
  }
}

// Closes its descriptor, and moves another registration into the place of its own.
class Mover final : public FdWaiter {
 public:
  Mover(Pipe& own, Pipe& other) : own_(own), other_(other) {}
  bool try_again() noexcept override {
    own_.out_registration = std::move(other_.out_registration);
    own_.out = std::move(other_.out);
    return true;
  }

 private:
  Pipe& own_;
  Pipe& other_;
};

TEST_CASE("Poller: the answer for a descriptor that is closed is not that of the one moved there",
          "[poller][registration]") {
  Tried tried;
  std::vector<Pipe> pipes(3);
  Poller poller;
  Mover mover(pipes[0], pipes[1]);
  Waiter writer(1, tried), reader(2, tried);
  poller.add(mover, pipes[0].out_registration, Readiness::kReadable);
  poller.add(writer, pipes[1].out_registration, Readiness::kWritable);
  poller.add(reader, pipes[2].out_registration, Readiness::kReadable);
  pipes[1].clog();
  pipes[0].in.reset();  // broken: ready for both
  poller.wait(0ns);
  CHECK(tried.empty());
  CHECK_FALSE(mover.registered());
  CHECK(writer.registered());
  CHECK(reader.registered());
}

TEST_CASE("Poller: the end of a stream and a broken one count as ready", "[poller]") {
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter reader(1, tried), writer(2, tried), closed(3, tried);
  poller.add(reader, pipe.out_registration, Readiness::kReadable);
  poller.add(writer, pipe.out_registration, Readiness::kWritable);
  pipe.in.reset();
  poller.wait(0ns);
  CHECK(tried == Tried{1, 2});
  const int number = pipe.out.release();
  ::close(number);
  Registration number_of_nothing(number);
  poller.add(closed, number_of_nothing, Readiness::kReadable);
  poller.wait(0ns);
  CHECK(tried == Tried{1, 2, 3});
}

TEST_CASE("Poller: who leaves, or is destroyed, is asked no more, and the others are",
          "[poller][lifetime]") {
  Tried tried;
  std::vector<Pipe> pipes(4);
  for (auto& pipe : pipes) pipe.put();
  Poller poller;
  Waiter first(0, tried), third(2, tried), last(3, tried);
  {
    Waiter second(1, tried);
    poller.add(first, pipes[0].out_registration, Readiness::kReadable);
    poller.add(second, pipes[1].out_registration, Readiness::kReadable);
    poller.add(third, pipes[2].out_registration, Readiness::kReadable);
    poller.add(last, pipes[3].out_registration, Readiness::kReadable);
    first.leave();
    first.leave();
    CHECK_FALSE(first.registered());
  }
  poller.wait(0ns);
  std::sort(tried.begin(), tried.end());
  CHECK(tried == Tried{2, 3});
  CHECK(poller.empty());
  poller.add(first, pipes[0].out_registration, Readiness::kReadable);
  poller.wait(0ns);
  CHECK(tried == Tried{2, 3, 0});
}

TEST_CASE("Poller: all leave in any order, and those who stay are asked", "[poller]") {
  std::array<std::size_t, 4> order{0, 1, 2, 3};
  do {
    Tried tried;
    std::vector<Pipe> pipes(4);
    Poller poller;
    std::vector<std::unique_ptr<Waiter>> waiters;
    for (int i = 0; i < 4; ++i) {
      auto& pipe = pipes[static_cast<std::size_t>(i)];
      pipe.put();
      waiters.push_back(std::make_unique<Waiter>(i, tried, false));
      poller.add(*waiters.back(), pipe.out_registration, Readiness::kReadable);
    }
    for (std::size_t gone = 1; gone <= 4; ++gone) {
      waiters[order[gone - 1]]->leave();
      Tried left(order.begin() + static_cast<std::ptrdiff_t>(gone), order.end());
      std::sort(left.begin(), left.end());
      tried.clear();
      poller.wait(0ns);
      std::sort(tried.begin(), tried.end());
      REQUIRE(tried == left);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("Poller: a waiter that waits already is a broken precondition", "[poller][check]") {
  CHECK_THAT(said_in_dying([] {
               Tried tried;
               Poller poller;
               Waiter waiter(1, tried);
               Registration input(0);
               poller.add(waiter, input, Readiness::kReadable);
               poller.add(waiter, input, Readiness::kWritable);
             }),
             ContainsSubstring("a waiter waits for one descriptor at a time"));
}

TEST_CASE("Poller: a second reader of one descriptor is a broken precondition", "[poller][check]") {
  for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable}) {
    CHECK_THAT(said_in_dying([readiness] {
                 Tried tried;
                 Poller poller;
                 Waiter first(1, tried), second(2, tried);
                 Registration input(0);
                 poller.add(first, input, readiness);
                 poller.add(second, input, readiness);
               }),
               ContainsSubstring("one waiter at a time reads a descriptor, and one writes"));
  }
}

TEST_CASE("Poller: who has no descriptor cannot wait for it", "[poller][check]") {
  CHECK_THAT(said_in_dying([] {
               Tried tried;
               Poller poller;
               Waiter waiter(1, tried);
               Registration of_nothing;
               poller.add(waiter, of_nothing, Readiness::kReadable);
             }),
             ContainsSubstring("only an open descriptor can be waited for"));
}

// ---- Time

TEST_CASE("Poller: a wait that nothing ends lasts as long as it was told to",
          "[poller][real-time]") {
  Poller poller;
  for (const auto timeout : {1ns, 100'000ns, 1'500'000ns, 2'000'001ns}) {
    const auto begin = steady_clock::now();
    CHECK(poller.wait(timeout));
    CHECK(steady_clock::now() - begin >= timeout);
    CHECK(last_poll_timeout() == timeout);
  }
}

TEST_CASE("Poller: a wait of zero does not sleep, and the longest does not wrap around",
          "[poller]") {
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter waiter(1, tried);
  poller.wait(0ns);
  CHECK(last_poll_timeout() == 0ns);
  pipe.put();
  poller.add(waiter, pipe.out_registration, Readiness::kReadable);
  poller.wait(std::chrono::nanoseconds::max());
  CHECK(last_poll_timeout() == std::chrono::nanoseconds::max());
  CHECK(tried == Tried{1});
}

TEST_CASE("Poller: a wait without an end is one system call, which a descriptor ends",
          "[poller][real-time][cost]") {
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter waiter(1, tried);
  poller.add(waiter, pipe.out_registration, Readiness::kReadable);
  const int before = calls(Call::kPoll);
  Thread writer([&] {
    comes_true(
        [&] { return calls(Call::kPoll) > before; });  // the other thread sleeps, or is about to
    static_cast<void>(::write(pipe.in.get(), ".", 1));
  });
  poller.wait(-1ns);
  CHECK(calls(Call::kPoll) - before == 1);
  CHECK(last_poll_timeout() < 0ns);
  CHECK(tried == Tried{1});
}

// ---- Signals and errors

TEST_CASE("Poller: a real signal ends a wait, and nobody is told to try",
          "[poller][signal][real-time]") {
  static volatile std::sig_atomic_t signals;
  signals = 0;
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) { signals = signals + 1; };
  ::sigaction(SIGALRM, &action, &before);
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter waiter(1, tried);
  poller.add(waiter, pipe.out_registration, Readiness::kReadable);
  // Again and again: on a busy machine the first may come before the wait has begun.
  const itimerval often{{0, 10'000}, {0, 10'000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  bool time_passed = true;
  CHECK_NOTHROW(time_passed = poller.wait(1h));
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  CHECK_FALSE(time_passed);
  CHECK(signals > 0);
  CHECK(tried.empty());
  CHECK(waiter.registered());
}

TEST_CASE("Poller: a kernel without memory is asked again a moment later", "[poller][errors]") {
  Tried tried;
  Pipe pipe;
  pipe.put();
  Poller poller;
  Waiter waiter(1, tried);
  poller.add(waiter, pipe.out_registration, Readiness::kReadable);
  for (const int error : {ENOMEM, EAGAIN}) {
    const Failing refused(Call::kPoll, error, 3);
    const int before = calls(Call::kSleep);
    for (const auto timeout : {1h, -1h, 0h}) CHECK_FALSE(poller.wait(timeout));
    CHECK(calls(Call::kSleep) == before + 2);  // a wait of no time at all does not sleep
    CHECK(tried.empty());
  }
  CHECK_FALSE(poller.wait(1h));
  CHECK(tried == Tried{1});
}

TEST_CASE("Poller: what the kernel refuses is an error that names the call", "[poller][errors]") {
  Poller poller;
  const Failing refused(Call::kPoll, EINVAL);
  try {
    poller.wait(0ns);
    FAIL("nothing was thrown");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::invalid_argument);
    CHECK_THAT(error.what(), ContainsSubstring("poll"));
  }
}

// ---- The end

TEST_CASE("Poller: it says whether the time passed and nothing came up", "[poller]") {
  Tried tried;
  Pipe pipe;
  Poller poller;
  Waiter waiter(1, tried, false);
  poller.add(waiter, pipe.out_registration, Readiness::kReadable);
  CHECK(poller.wait(0ns));
  {
    const Failing interrupted(Call::kPoll, EINTR);
    CHECK_FALSE(poller.wait(0ns));
  }
  pipe.put();
  CHECK_FALSE(poller.wait(0ns));  // a false alarm is something
}

TEST_CASE("Poller: who waits may outlive it", "[poller][lifetime]") {
  Tried tried;
  Pipe pipe;
  Waiter reader(1, tried), writer(2, tried);
  {
    Poller poller;
    poller.add(reader, pipe.out_registration, Readiness::kReadable);
    poller.add(writer, pipe.out_registration, Readiness::kWritable);
  }
  CHECK_FALSE(reader.registered());
  CHECK_FALSE(writer.registered());
}

}  // namespace test_poller
