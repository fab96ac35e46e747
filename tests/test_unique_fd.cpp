#include <fcntl.h>
#include <unistd.h>

#include <type_traits>
#include <utility>

#include "testing/catch.hpp"
#include "treadle/unique_fd.hpp"

namespace test_unique_fd {

using treadle::UniqueFd;

int open_one() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_CASE("UniqueFd: it closes its descriptor when it goes", "[unique_fd]") {
  int number = -1;
  {
    const UniqueFd fd(open_one());
    number = fd.get();
    CHECK(fd);
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
}

TEST_CASE("UniqueFd: nothing is nothing", "[unique_fd]") {
  UniqueFd fd;
  CHECK_FALSE(fd);
  CHECK(fd.get() == -1);
  fd.reset();
  CHECK(fd.release() == -1);
}

TEST_CASE("UniqueFd: descriptor 0 is a descriptor", "[unique_fd]") {
  UniqueFd fd(0);
  CHECK(fd);
  CHECK(fd.release() == 0);
}

TEST_CASE("UniqueFd: a move hands the descriptor over", "[unique_fd]") {
  UniqueFd first(open_one());
  const int number = first.get();
  UniqueFd second(std::move(first));
  CHECK_FALSE(first);
  CHECK(second.get() == number);
  CHECK(is_open(number));
}

TEST_CASE("UniqueFd: assignment closes the old and takes the new", "[unique_fd]") {
  UniqueFd fd(open_one());
  const int old = fd.get();
  UniqueFd other(open_one());
  const int number = other.get();
  fd = std::move(other);
  CHECK_FALSE(is_open(old));
  CHECK(fd.get() == number);
  CHECK(is_open(number));
  auto& alias = fd;
  fd = std::move(alias);
  CHECK(is_open(number));
}

TEST_CASE("UniqueFd: reset closes, release gives away open", "[unique_fd]") {
  UniqueFd fd(open_one());
  const int first = fd.get();
  const int second = open_one();
  fd.reset(second);
  CHECK_FALSE(is_open(first));
  CHECK(fd.get() == second);
  CHECK(fd.release() == second);
  CHECK_FALSE(fd);
  CHECK(is_open(second));
  ::close(second);
}

TEST_CASE("UniqueFd: it can be moved and not copied", "[unique_fd]") {
  CHECK(std::is_nothrow_move_constructible_v<UniqueFd>);
  CHECK_FALSE(std::is_copy_constructible_v<UniqueFd>);
}

}  // namespace test_unique_fd
