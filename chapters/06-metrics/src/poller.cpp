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
  if (registration_ != nullptr) registration_->poller_->remove(*registration_, readiness_);
}

Registration& Registration::operator=(Registration&& other) noexcept {
  if (this == &other) return *this;
  drop();
  take(other);
  return *this;
}

void Registration::take(Registration& other) noexcept {
  fd_ = std::exchange(other.fd_, -1);
  reader_ = std::exchange(other.reader_, nullptr);
  writer_ = std::exchange(other.writer_, nullptr);
  if (!has_waiter()) return;
  poller_ = other.poller_;
  index_ = other.index_;
  poller_->registrations_[index_] = this;
  for (FdWaiter* waiter : {reader_, writer_})
    if (waiter != nullptr) waiter->registration_ = this;
}

void Registration::drop() noexcept {
  fd_ = -1;
  for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable})
    if (waiter(readiness) != nullptr) poller_->remove(*this, readiness);
}

Poller::~Poller() {
  while (!polled_.empty()) {
    Registration& last = *registrations_.back();
    remove(last, last.reader_ != nullptr ? Readiness::kReadable : Readiness::kWritable);
  }
}

void Poller::add(FdWaiter& waiter, Registration& registration, Readiness readiness) {
  precondition(!waiter.registered(), "a waiter waits for one descriptor at a time");
  precondition(registration.fd() >= 0, "only an open descriptor can be waited for");
  precondition(registration.waiter(readiness) == nullptr,
               "one waiter at a time reads a descriptor, and one writes");
  if (!registration.has_waiter()) {
    registrations_.push_back(&registration);
    try {
      polled_.push_back({registration.fd(), 0, 0});
    } catch (...) {
      registrations_.pop_back();
      throw;
    }
    registration.poller_ = this;
    registration.index_ = polled_.size() - 1;
  }
  precondition(registration.poller_ == this, "all waiters of a descriptor wait in one loop");
  polled_[registration.index_].events |= bits(readiness);
  registration.side(readiness) = &waiter;
  waiter.registration_ = &registration;
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
    const Registration* const asked = registrations_[place];
    if (const short answer = std::exchange(polled_[place].revents, short{0}); answer != 0) {
      --left;
      let_try(place, answer);
    }
    // One that has left gives its place to the last one, whose answer is unread yet: so go on at the
    // same place.
    if (place < polled_.size() && registrations_[place] == asked) ++place;
  }
  return ready == 0;
}

void Poller::let_try(std::size_t place, short answer) noexcept {
  Registration* const asked = registrations_[place];
  for (const Readiness readiness : {Readiness::kReadable, Readiness::kWritable}) {
    if ((answer & (bits(readiness) | kBroken)) == 0) continue;
    // Not touched if it has left: its owner may be gone.
    if (place >= polled_.size() || registrations_[place] != asked) return;
    FdWaiter* const waiter = asked->waiter(readiness);
    if (waiter != nullptr && waiter->try_again()) waiter->leave();
  }
}

void Poller::remove(Registration& registration, Readiness readiness) noexcept {
  std::exchange(registration.side(readiness), nullptr)->registration_ = nullptr;
  const std::size_t place = registration.index_;
  polled_[place].events ^= bits(readiness);
  if (registration.has_waiter()) return;
  polled_[place] = polled_.back();
  registrations_[place] = registrations_.back();
  registrations_[place]->index_ = place;
  polled_.pop_back();
  registrations_.pop_back();
}

}  // namespace treadle
