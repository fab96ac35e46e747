// A vector behind a mutex, taken as a whole; whoever finds it empty writes the eventfd. The floor of posting as users
// know it: any callback, in order, none lost.
#include <threads.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <vector>

namespace {

struct Job {
  void (*function)(void*);
  void* argument;
};

class Inbox {
 public:
  ~Inbox() { close(fd_); }

  void post(Job job) {
    bool first = false;
    {
      std::lock_guard const lock(mutex_);
      first = jobs_.empty();
      jobs_.push_back(job);
    }
    std::uint64_t const one = 1;
    if (first && write(fd_, &one, sizeof one) != sizeof one) std::abort();
  }

  // Waits for jobs and runs them.
  void run_batch() {
    std::uint64_t count = 0;
    if (read(fd_, &count, sizeof count) != sizeof count) std::abort();
    {
      std::lock_guard const lock(mutex_);
      batch_.swap(jobs_);
    }
    for (Job const& job : batch_) job.function(job.argument);
    batch_.clear();
  }

 private:
  int const fd_ = eventfd(0, EFD_CLOEXEC);
  std::mutex mutex_;
  std::vector<Job> jobs_;
  std::vector<Job> batch_;
};

struct Receiver {
  bench::Arrivals arrivals;
  bool done = false;
};

}  // namespace

BENCH(post) {
  Inbox inbox;
  Receiver receiver{bench::Arrivals(run)};
  auto const count = [](void* at) {
    auto& self = *static_cast<Receiver*>(at);
    self.done = self.arrivals.count();
  };
  bench::Posters posters(run, [&] { inbox.post({count, &receiver}); });
  posters.begin();
  while (!receiver.done) inbox.run_batch();
}
