// threads.hpp: what the workloads with several threads share: where a thread runs, and threads that post.
//
// A thread is pinned, in every row the same way. Left to itself, a kernel puts two threads that talk onto one core in one
// run and onto two in the next, and the luck of that is ten times what any runtime adds.
#pragma once

#include <bench.hpp>

#include <pthread.h>
#include <sched.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

namespace bench {

// The processors that this process may use.
inline std::vector<int> const& processors() {
  static std::vector<int> const all = [] {
    std::vector<int> found;
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) std::abort();
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &allowed)) found.push_back(cpu);
    return found;
  }();
  return all;
}

// From here on the thread that calls runs on the `place`th of them, counted round. REQUIRES: the first call of the
// process comes from its first thread.
inline void pin_thread(unsigned place) {
  std::vector<int> const& all = processors();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(all[place % all.size()], &one);
  if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) != 0) {
    std::perror("pthread_setaffinity_np");
    std::exit(1);
  }
}

// run.parameter() threads that together call post() run.operations() times, from begin() on. The thread that makes them
// is pinned to the first processor and they to those behind it.
template <class Post>
class Posters {
 public:
  Posters(Run& run, Post post) : run_(run), post_(std::move(post)), there_(run.parameter()) {
    pin_thread(0);
    for (unsigned i = 0; i < run.parameter(); ++i) threads_.emplace_back([this, i] { work(i); });
    there_.wait();
  }
  Posters(Posters const&) = delete;
  Posters& operator=(Posters const&) = delete;
  ~Posters() {
    for (std::thread& thread : threads_) thread.join();
  }

  // To be called once, on the thread of the loop that is posted to, while that loop runs.
  void begin() {
    run_.start();
    begin_.count_down();
  }

 private:
  void work(unsigned number) {
    pin_thread(1 + number);
    there_.count_down();
    begin_.wait();
    for (std::uint64_t left = share_up_to(number + 1) - share_up_to(number); left > 0; --left)
      post_();
  }
  std::uint64_t share_up_to(unsigned threads) const {
    return run_.operations() * threads / run_.parameter();
  }

  Run& run_;
  Post post_;
  std::latch there_;
  std::latch begin_{1};
  std::vector<std::thread> threads_;
};

// What the posted callbacks do: they count, and the last one ends the measurement.
class Arrivals {
 public:
  explicit Arrivals(Run& run) : run_(run) {}

  // True for the last.
  bool count() {
    if (++count_ < run_.operations()) return false;
    run_.stop();
    return true;
  }

 private:
  Run& run_;
  std::uint64_t count_ = 0;
};

// What both sides of a hop share: how many round trips are left, and where the two threads run. The other side's thread
// has to be there before the first.
class Hops {
 public:
  explicit Hops(Run& run) : run_(run), left_(run.operations()) { pin_thread(0); }

  // The place of the other thread: the first processor, or the second where the workload asks for two.
  unsigned other_place() const { return run_.parameter() - 1; }

  // Called by the first thread before each round trip; false when all are done.
  bool next() {
    if (left_ == run_.operations()) run_.start();
    if (left_-- > 0) return true;
    run_.stop();
    return false;
  }

 private:
  Run& run_;
  std::uint64_t left_;
};

}  // namespace bench
