#include "treadle/timer_heap.hpp"

#include <algorithm>

#include "treadle/errors.hpp"

namespace treadle {

namespace {

constexpr std::size_t kChildren = 4;

std::size_t parent_of(std::size_t place) { return (place - 1) / kChildren; }
std::size_t first_child_of(std::size_t place) { return place * kChildren + 1; }

}  // namespace

void Timer::disarm() noexcept {
  if (heap_ != nullptr) heap_->remove(place_);
}

void TimerHeap::arm(Timer& timer, Clock::time_point deadline) {
  precondition(!timer.armed(), "a timer is armed for one deadline at a time");
  heap_.emplace_back();  // first: this may throw, and what follows may not
  timer.heap_ = this;
  sift_up(heap_.size() - 1, Entry{deadline, ++last_sequence_, &timer});
}

Timer& TimerHeap::pop() noexcept {
  Timer& first = *heap_.front().timer;
  remove(0);
  return first;
}

void TimerHeap::fire_due(Clock::time_point now) noexcept {
  while (!empty() && next_deadline() <= now) pop().fire();
}

void TimerHeap::remove(std::size_t place) noexcept {
  heap_[place].timer->heap_ = nullptr;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  // The last entry fills the gap. It comes from another branch, so it may belong above or below.
  if (place > 0 && last < heap_[parent_of(place)]) {
    sift_up(place, last);
  } else {
    sift_down(place, last);
  }
}

void TimerHeap::put(std::size_t place, const Entry& entry) noexcept {
  heap_[place] = entry;
  entry.timer->place_ = place;
}

void TimerHeap::sift_up(std::size_t place, const Entry& entry) noexcept {
  while (place > 0 && entry < heap_[parent_of(place)]) {
    put(place, heap_[parent_of(place)]);
    place = parent_of(place);
  }
  put(place, entry);
}

void TimerHeap::sift_down(std::size_t place, const Entry& entry) noexcept {
  while (first_child_of(place) < heap_.size()) {
    const auto first = heap_.begin() + static_cast<std::ptrdiff_t>(first_child_of(place));
    const auto last = heap_.end() - first > static_cast<std::ptrdiff_t>(kChildren)
                          ? first + static_cast<std::ptrdiff_t>(kChildren)
                          : heap_.end();
    const auto least = std::min_element(first, last);
    if (!(*least < entry)) break;
    const auto next = static_cast<std::size_t>(least - heap_.begin());
    put(place, *least);
    place = next;
  }
  put(place, entry);
}

}  // namespace treadle
