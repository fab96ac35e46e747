#include "treadle/poller.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "treadle/errors.hpp"
#include "treadle/system.hpp"

namespace treadle {

namespace {

// Reported unasked, and of concern to all who wait for the descriptor.
constexpr int kBroken = POLLERR | POLLHUP | POLLNVAL;

constexpr short bits(Readiness readiness) noexcept { return static_cast<short>(readiness); }

// The kernel has no memory to answer with. It gets some back by itself, so the loop asks again, but
// not at once: that would keep the processor busy for as long as it lasts.
bool no_answer(std::chrono::nanoseconds timeout) {
  constexpr std::chrono::nanoseconds kPause = std::chrono::milliseconds(1);
  System::current().sleep_for(timeout < timeout.zero() ? kPause : std::min(timeout, kPause));
  return false;
}

}  // namespace

void FdWaiter::leave() noexcept {
  if (poller_ != nullptr) poller_->remove(fd_, readiness_);
}

Poller::~Poller() {
  while (!polled_.empty()) {
    const int fd = polled_.back().fd;
    remove(fd, sides_of(fd).reader != nullptr ? Readiness::kReadable : Readiness::kWritable);
  }
}

void Poller::add(FdWaiter& waiter, int fd, Readiness readiness) {
  precondition(!waiter.registered(), "a waiter waits for one descriptor at a time");
  precondition(fd >= 0, "who waits for a descriptor has one");
  const std::size_t enough = static_cast<std::size_t>(fd) + 1;
  if (sides_.size() < enough) sides_.resize(enough);
  Sides& sides = sides_of(fd);
  precondition(sides.at(readiness) == nullptr,
               "one waiter at a time reads a descriptor, and one writes");
  if (!sides.waiting()) {
    polled_.push_back({fd, 0, 0});
    sides.place = polled_.size() - 1;
  }
  polled_[sides.place].events |= bits(readiness);
  sides.at(readiness) = &waiter;
  waiter.poller_ = this;
  waiter.fd_ = fd;
  waiter.readiness_ = readiness;
}

bool Poller::wait(std::chrono::nanoseconds timeout) {
  const int ready = System::current().poll(polled_, timeout);
  if (ready < 0) {
    if (errno == EINTR) return false;  // a signal: the loop looks what there is to do
    if (errno == ENOMEM || errno == EAGAIN) return no_answer(timeout);
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  int left = ready;
  for (std::size_t place = 0; left > 0 && place < polled_.size();) {
    const pollfd answer = polled_[place];
    if (answer.revents != 0) {
      --left;
      polled_[place].revents = 0;
      let_try(answer);
    }
    // A descriptor that has left gives its place to the last one, whose answer is unread yet: so
    // go on at the same place.
    if (place < polled_.size() && polled_[place].fd == answer.fd) ++place;
  }
  return ready == 0;
}

void Poller::let_try(const pollfd& answer) noexcept {
  for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable}) {
    if ((answer.revents & (bits(readiness) | kBroken)) == 0) continue;
    FdWaiter* waiter = sides_of(answer.fd).at(readiness);
    if (waiter != nullptr && waiter->try_again()) remove(answer.fd, readiness);
  }
}

void Poller::remove(int fd, Readiness readiness) noexcept {
  Sides& sides = sides_of(fd);
  std::exchange(sides.at(readiness), nullptr)->poller_ = nullptr;
  pollfd& question = polled_[sides.place];
  question.events ^= bits(readiness);
  if (sides.waiting()) return;
  question = polled_.back();
  sides_of(question.fd).place = sides.place;
  polled_.pop_back();
}

}  // namespace treadle
