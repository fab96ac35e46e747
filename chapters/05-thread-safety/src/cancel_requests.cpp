#include "treadle/cancel_requests.hpp"

#include <pthread.h>

#include <mutex>
#include <new>
#include <utility>

namespace treadle {

namespace {

// Of the whole process: an error may be thrown on in another task than the one it was requested of.
constinit std::atomic<std::uint32_t> last_request = 0;

// One for all tasks: a token may be destroyed when its task is at its end, so that the mutex cannot be in
// either. It is held for a few instructions.
constinit std::mutex requests_mutex;

// A child of fork(2) finds it free.
void survive_fork() noexcept {
  [[maybe_unused]] static const int registered =
      ::pthread_atfork([] { requests_mutex.lock(); }, [] { requests_mutex.unlock(); },
                       [] { requests_mutex.unlock(); });
}

// Errors that were added on the way out are not lost with the request.
CancelledError with_causes(CancelledError error, const std::vector<std::exception_ptr>& causes,
                           std::size_t first) noexcept {
  try {
    for (std::size_t i = first; i < causes.size(); ++i) error = error.caused_by(causes[i]);
  } catch (const std::bad_alloc&) {
    return error;  // the request matters more than its causes
  }
  return error;
}

}  // namespace

/// What has no token.
class CancelRequests::Owned final : public CancelRequest {};

/// Holds the mutex, and destroys what was dropped when it has released it.
class CancelRequests::Lock {
 public:
  Lock() noexcept {
    survive_fork();
    requests_mutex.lock();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() {
    requests_mutex.unlock();
    while (CancelRequest* request = dropped_) {
      dropped_ = request->next_;
      delete static_cast<Owned*>(request);
    }
  }
  void drop(CancelRequest& request) noexcept {
    request.next_ = dropped_;
    dropped_ = &request;
  }

 private:
  CancelRequest* dropped_ = nullptr;
};

bool CancelToken::requested() const noexcept {
  const CancelRequests::Lock lock;
  return times_ > 0;
}

bool CancelToken::delivered() const noexcept {
  const CancelRequests::Lock lock;
  return times_ > 0 && told();
}

std::size_t CancelRequests::count_since(std::uint32_t deliveries) const noexcept {
  const Lock lock;
  std::size_t count = 0;
  for (const CancelRequest* each = first_; each != nullptr; each = each->next_)
    if (!each->told() || each->delivery_ > deliveries) count += each->times_;
  return count;
}

std::uint32_t CancelRequests::deliveries() const noexcept {
  const Lock lock;
  return deliveries_;
}

void CancelRequests::add(CancelledError error) {
  const Lock lock;
  CancelRequest* newest = newest_without_token();
  if (newest != nullptr && !newest->told()) {
    ++newest->times_;  // the task is told once, with the first one's reason
    ++count_;
  } else {
    auto* request = new Owned;
    request->owned_ = true;
    append(*request, error);
  }
}

void CancelRequests::add(CancelRequest& request, CancelledError error) noexcept {
  const Lock lock;
  append(request, error);
}

void CancelRequests::append(CancelRequest& request, CancelledError& error) noexcept {
  const std::uint32_t number = last_request.fetch_add(1, std::memory_order_relaxed) + 1;
  if (task_ == 0) task_ = number;
  error.task_ = task_;
  error.request_ = number;
  error.causes_of_request_ = static_cast<std::uint32_t>(error.causes().size());
  request.error_ = std::move(error);
  request.times_ = 1;
  request.delivery_ = 0;
  link(request);
  ++count_;
}

bool CancelRequests::arrive() noexcept {
  const Lock lock;
  if (waiting() == nullptr) return false;
  pending_ = true;
  return true;
}

bool CancelRequests::take_back_newest(bool here) noexcept {
  Lock lock;
  CancelRequest* request = newest_without_token();
  if (request == nullptr) return false;
  if (request->times_ == 1) return take_back(lock, *request, here);
  --request->times_;
  --count_;
  return false;
}

bool CancelRequests::take_back(CancelRequest& request, bool here) noexcept {
  Lock lock;
  return take_back(lock, request, here);
}

bool CancelRequests::take_back(Lock& lock, CancelRequest& request, bool here) noexcept {
  request.times_ = 0;
  --count_;
  // The loop counts on the last one that has reached it: it may be about to withdraw a wait.
  const bool last = pending_ && !request.told() && waiting() == nullptr;
  if (last && (delivering_ || !here)) {
    keep_to_be_told(request);
    return !delivering_;
  }
  if (last) pending_ = false;
  drop(lock, request);
  return false;
}

void CancelRequests::settle() noexcept {
  Lock lock;
  if (delivering_) return;
  for (CancelRequest *each = first_, *next = nullptr; each != nullptr; each = next) {
    next = each->next_;
    if (each->times_ == 0) drop(lock, *each);
  }
  pending_ = waiting() != nullptr;
}

void CancelRequests::begin_delivery() noexcept {
  const Lock lock;
  delivering_ = true;
}

// The wait that was withdrawn for it is gone, so the task hears why.
void CancelRequests::keep_to_be_told(CancelRequest& request) noexcept {
  if (request.owned_) return;
  unlink(request);
  auto* kept = new (std::nothrow) Owned;
  if (kept == nullptr) return;
  kept->owned_ = true;
  kept->error_ = request.error_;
  link(*kept);
}

CancelledError CancelRequests::deliver() noexcept {
  Lock lock;
  const CancelRequest* request = waiting();
  if (request == nullptr)
    for (request = first_; request != nullptr && request->told();) request = request->next_;
  CancelledError error = request != nullptr ? request->error_ : CancelledError();
  count_all_as_told(lock);
  return error;
}

void CancelRequests::count_all_as_told(Lock& lock) noexcept {
  delivering_ = pending_ = false;
  ++deliveries_;
  CancelRequest* old = nullptr;
  for (CancelRequest *each = first_, *next = nullptr; each != nullptr; each = next) {
    next = each->next_;
    if (each->times_ == 0) {
      drop(lock, *each);
    } else if (!each->told()) {
      each->delivery_ = deliveries_;
    } else if (each->owned_ && old != nullptr) {
      // A task that refuses again and again keeps one request of all that it has refused.
      old->times_ += each->times_;
      old->delivery_ = each->delivery_;
      drop(lock, *each);
    } else if (each->owned_) {
      old = each;
    }
  }
}

std::exception_ptr CancelRequests::read_again(std::exception_ptr error) noexcept {
  const CancelledError* leaving = as_cancelled(error);
  if (leaving == nullptr || leaving->request_ == 0) return error;
  Lock lock;
  if (leaving->task_ != task_) return error;
  if (find(leaving->request_) != nullptr) return error;
  const CancelRequest* left = oldest_left();
  if (left == nullptr) return error;
  const CancelledError again =
      with_causes(left->error_, leaving->causes(), leaving->causes_of_request_);
  if (!left->told()) count_all_as_told(lock);
  return std::make_exception_ptr(again);
}

CancelRequest* CancelRequests::find(std::uint32_t number) const noexcept {
  for (CancelRequest* each = first_; each != nullptr; each = each->next_)
    if (each->error_.request_ == number && each->times_ > 0) return each;
  return nullptr;
}

CancelRequest* CancelRequests::newest_without_token() const noexcept {
  CancelRequest* newest = nullptr;
  for (CancelRequest* each = first_; each != nullptr; each = each->next_)
    if (each->owned_ && each->times_ > 0) newest = each;
  return newest;
}

CancelRequest* CancelRequests::oldest_left() const noexcept {
  CancelRequest* oldest = nullptr;
  for (CancelRequest* each = first_; each != nullptr; each = each->next_) {
    if (each->times_ == 0) continue;
    if (!each->told() || each->delivery_ == deliveries_) return each;
    if (oldest == nullptr) oldest = each;
  }
  return oldest;
}

// The oldest of which the task has not been told.
CancelRequest* CancelRequests::waiting() const noexcept {
  for (CancelRequest* each = first_; each != nullptr; each = each->next_)
    if (each->times_ > 0 && !each->told()) return each;
  return nullptr;
}

void CancelRequests::link(CancelRequest& request) noexcept {
  CancelRequest** end = &first_;
  while (*end != nullptr) end = &(*end)->next_;
  *end = &request;
  request.next_ = nullptr;
}

void CancelRequests::unlink(CancelRequest& request) noexcept {
  CancelRequest** place = &first_;
  while (*place != &request) place = &(*place)->next_;
  *place = request.next_;
}

void CancelRequests::drop(Lock& lock, CancelRequest& request) noexcept {
  unlink(request);
  if (request.owned_) lock.drop(request);
}

// Only what has no token: a token keeps its task.
void CancelRequests::clear() noexcept {
  Lock lock;
  while (first_ != nullptr) drop(lock, *first_);
}

}  // namespace treadle
