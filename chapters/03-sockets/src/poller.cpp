#include "treadle/poller.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <system_error>

#include "treadle/errors.hpp"

namespace treadle {

namespace {

int to_milliseconds(std::chrono::nanoseconds timeout) {
  if (timeout < timeout.zero()) return -1;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return static_cast<int>(std::min<std::int64_t>(rounded, std::numeric_limits<int>::max()));
}

}  // namespace

void FdWaiter::leave() noexcept {
  if (poller_ != nullptr) poller_->remove(place_);
}

Poller::~Poller() {
  for (FdWaiter* waiter : waiters_) waiter->poller_ = nullptr;
}

void Poller::add(FdWaiter& waiter, int fd, Readiness readiness) {
  check(!waiter.registered(), "a waiter waits for one descriptor at a time");
  polled_.push_back({fd, static_cast<short>(readiness), 0});
  try {
    waiters_.push_back(&waiter);
  } catch (...) {
    polled_.pop_back();
    throw;
  }
  waiter.poller_ = this;
  waiter.place_ = waiters_.size() - 1;
}

bool Poller::wait(std::chrono::nanoseconds timeout) {
  const int ready =
      ::poll(polled_.data(), static_cast<nfds_t>(polled_.size()), to_milliseconds(timeout));
  if (ready < 0) {
    if (errno == EINTR) return false;  // a signal: the loop looks what there is to do
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  // A waiter that leaves gives its place to the last one, which has not been asked yet: so go on
  // at the same place.
  int left = ready;
  for (std::size_t place = 0; left > 0 && place < polled_.size();) {
    if (polled_[place].revents == 0) {
      ++place;
      continue;
    }
    --left;
    polled_[place].revents = 0;
    if (waiters_[place]->try_again()) {
      remove(place);
    } else {
      ++place;
    }
  }
  return ready == 0;
}

void Poller::remove(std::size_t place) noexcept {
  FdWaiter& gone = *waiters_[place];
  polled_[place] = polled_.back();
  waiters_[place] = waiters_.back();
  waiters_[place]->place_ = place;
  gone.poller_ = nullptr;
  polled_.pop_back();
  waiters_.pop_back();
}

}  // namespace treadle
