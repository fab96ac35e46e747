#include "support/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace examples {

namespace {

constexpr std::size_t kMostWaiting = 65536;
constexpr std::size_t kMostAtOnce = PIPE_BUF;  // what a pipe that is writable takes at least
constexpr int kLastWords = 100;                // milliseconds for a reader that is only slow

treadle::UniqueFd open_terminal(int fd) noexcept {
  const char* name = ::isatty(fd) == 1 ? ::ttyname(fd) : nullptr;
  if (name == nullptr) return {};
  return treadle::UniqueFd(::open(name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

Log::Log(int fd) noexcept : terminal_(open_terminal(fd)), fd_(terminal_ ? terminal_.get() : fd) {}

void Log::say(std::string_view line) {
  line = line.substr(0, kMostAtOnce - 1);
  write_some();
  if (dropped_ > 0 || waiting_.size() + line.size() >= kMostWaiting) {
    ++dropped_;
  } else {
    waiting_.append(line).append("\n");
  }
  write_some();
  if (loop_ != nullptr && !waiting_.empty() && !registered())
    loop_->watch(*this, registration_, treadle::Readiness::kWritable);
}

void Log::attach(treadle::EventLoop& loop) {
  loop_ = &loop;
  if (!waiting_.empty()) loop.watch(*this, registration_, treadle::Readiness::kWritable);
}

void Log::detach() noexcept {
  leave();
  loop_ = nullptr;
  while (!waiting_.empty() && takes_more(kLastWords)) write_some();
}

bool Log::try_again() noexcept {
  write_some();
  return waiting_.empty();
}

bool Log::takes_more(int milliseconds) const noexcept {
  pollfd question{fd_, POLLOUT, 0};
  return ::poll(&question, 1, milliseconds) > 0;
}

// Whole lines, and no more than the descriptor takes without blocking.
void Log::write_some() noexcept {
  while (!waiting_.empty() && takes_more(0)) {
    const std::size_t size = waiting_.rfind('\n', kMostAtOnce - 1) + 1;
    const ssize_t written = ::write(fd_, waiting_.data(), size);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) return;
    waiting_.erase(0, written < 0 ? size : static_cast<std::size_t>(written));
    if (dropped_ > 0) count_dropped();
  }
}

void Log::count_dropped() {
  waiting_ += fmt::format("(lines missing here, because nobody read the log: {})\n", dropped_);
  dropped_ = 0;
}

}  // namespace examples
