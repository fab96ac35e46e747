#include "treadle/signals.hpp"

#include <fmt/format.h>
#include <string.h>

#include <cerrno>
#include <stdexcept>
#include <thread>
#include <utility>

#include "treadle/errors.hpp"

namespace treadle {

namespace {

// Who has asked for each signal. A handler gets a number and nothing else, so this is global.
std::array<std::atomic<Signals*>, NSIG> owners;

// How many handlers are at work. Who goes waits until those that may know him are through.
std::atomic<int> handlers_at_work = 0;

std::atomic<Signals*>& owner_of(int signal) { return owners[static_cast<std::size_t>(signal)]; }

void disown(int signal) noexcept {
  owner_of(signal) = nullptr;
  while (handlers_at_work.load() > 0) std::this_thread::yield();
}

}  // namespace

std::string signal_name(int signal) {
#ifdef __GLIBC__
  if (const char* name = ::sigabbrev_np(signal)) return fmt::format("SIG{}", name);
#endif
  return fmt::format("signal {}", signal);
}

void Signals::on_signal(int signal) noexcept {
  const int error = errno;  // of the code that we interrupt
  handlers_at_work.fetch_add(1);
  if (Signals* owner = owner_of(signal).load()) owner->note(signal);
  handlers_at_work.fetch_sub(1);
  errno = error;
}

void Signals::note(int signal) noexcept {
  came_[static_cast<std::size_t>(signal)].store(true);
  raised_.store(true);
  wakeup_.signal();
}

void Signals::add(int signal, Callback callback, Times times) {
  if (signal <= 0 || signal >= NSIG)
    throw std::invalid_argument(fmt::format("there is no signal {}", signal));
  std::map<int, Entry> made;  // first, so that nothing can fail once the signal is ours
  Entry& entry =
      made[signal] = {std::make_shared<Callback>(std::move(callback)), times, /*before=*/{}};
  const auto old = entries_.find(signal);
  if (old == entries_.end()) {
    begin_to_handle(signal, entry);
  } else {
    // In one call. If what was before ours were restored first, a signal in between would go to it.
    entry.before = old->second.before;
    static_cast<void>(set_action(signal, times, nullptr));
    forget(old);
  }
  entries_.merge(made);
  if (times == Times::kAlways) ++lasting_;
}

void Signals::begin_to_handle(int signal, Entry& entry) {
  Signals* nobody = nullptr;
  if (!owner_of(signal).compare_exchange_strong(nobody, this))
    throw InvalidStateError(fmt::format("another loop handles {} already", signal_name(signal)));
  if (set_action(signal, entry.times, &entry.before)) return;
  disown(signal);
  throw std::invalid_argument(fmt::format("{} cannot be handled", signal_name(signal)));
}

bool Signals::set_action(int signal, Times times, struct sigaction* before) noexcept {
  struct sigaction action {};
  action.sa_handler = [](int number) { on_signal(number); };
  action.sa_flags = SA_RESTART | (times == Times::kOnce ? static_cast<int>(SA_RESETHAND) : 0);
  return ::sigaction(signal, &action, before) == 0;
}

void Signals::forget(std::map<int, Entry>::iterator place) noexcept {
  if (place->second.times == Times::kAlways) --lasting_;
  entries_.erase(place);
}

bool Signals::remove(int signal) {
  const auto place = entries_.find(signal);
  if (place == entries_.end()) return false;
  ::sigaction(signal, &place->second.before, nullptr);
  disown(signal);
  came_[static_cast<std::size_t>(signal)] = false;
  forget(place);
  return true;
}

Signals::~Signals() {
  while (!entries_.empty()) remove(entries_.begin()->first);
}

void Signals::take(const std::function<void(const std::shared_ptr<Callback>&)>& ready) {
  raised_ = false;  // first: one that comes while we look raises it again
  for (const auto& [signal, entry] : entries_) {
    if (!came_[static_cast<std::size_t>(signal)].exchange(false)) continue;
    try {
      ready(entry.callback);
    } catch (...) {
      note(signal);  // there was no memory to make it ready: it has come still
      throw;
    }
  }
}

}  // namespace treadle
