// bench.hpp: what every benchmark program shares: one main, and workloads that register themselves.
//
//   BENCH(spawn1) { auto const n = run.operations(); run.start(); ...; run.stop(); }
//
// The program is called as `PROGRAM WORKLOAD OPERATIONS WARMUP [PARAMETER]` and prints one line of JSON. The warm-up is
// the same workload with fewer operations, run before; it is 0 when instructions are counted, so that two sizes subtract
// cleanly. The parameter is the number in the workload's KIND: how many threads post, on how many cores a hop goes.
//
// Thread safety: none. A program starts a second thread only in a workload that is about threads (threads.hpp), because
// it would make malloc and shared_ptr take locks that the others do not need.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

// CPU time of this process so far, all its threads together, in nanoseconds.
std::uint64_t cpu_time();

// The time that passes, in nanoseconds since some moment.
std::uint64_t wall_time();

// Resident set of this process now, in bytes.
std::uint64_t resident_bytes();

// One run of a workload. What lies between start() and stop() is what counts; setting up and tearing down do not.
class Run {
 public:
  explicit Run(std::uint64_t operations, unsigned parameter = 1)
      : operations_(operations), parameter_(parameter) {}

  std::uint64_t operations() const { return operations_; }
  unsigned parameter() const { return parameter_; }

  // Both clocks run; the workload's KIND says which of them the table shows.
  void start() {
    wall_started_ = wall_time();
    started_ = cpu_time();
  }
  void stop() {
    total_ = cpu_time() - started_;
    wall_ = wall_time() - wall_started_;
  }

  // For workloads that measure something else than CPU time.
  void set_total(std::uint64_t total) { total_ = total; }
  std::uint64_t total() const { return total_; }
  std::uint64_t wall() const { return wall_; }

  // Results go here, so that no compiler may skip the work that made them.
  void keep(std::uint64_t value) { sink_ = sink_ + value; }

  // A measurement whose clean-up would take longer than itself prints its line and ends the process.
  [[noreturn]] void report_and_exit() const;

 private:
  std::uint64_t operations_;
  unsigned parameter_;
  std::uint64_t started_ = 0;
  std::uint64_t wall_started_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t wall_ = 0;
  volatile std::uint64_t sink_ = 0;
};

// A server prints this line when it listens; the driver then starts the load. It ends when the driver ends it.
void announce_port(unsigned port);

using Workload = void (*)(Run&);

struct Register {
  Register(char const* name, Workload workload);
};

// Timer deadlines between 10 s and 110 s, the same sequence in every program (a linear congruential generator).
class Deadlines {
 public:
  std::uint64_t next_milliseconds() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return 10'000 + (state_ >> 33) % 100'000;
  }

 private:
  std::uint64_t state_ = 42;
};

inline constexpr std::size_t kTasks = 1000;         // tasks alive at a time in spawnK and switch
inline constexpr int kDepth = 1000;                 // nested awaits in awaitdeep
inline constexpr std::size_t kLiveTimers = 10'000;  // timers armed all the while in timer
inline constexpr std::size_t kTimersPerTurn =
    100;  // timers armed and cancelled between two turns of the loop
inline constexpr std::size_t kBuffer = 4096;  // read buffer of an echo connection

}  // namespace bench

#define BENCH(name)                                                   \
  static void bench_##name(bench::Run& run);                          \
  static bench::Register const register_##name{#name, &bench_##name}; \
  static void bench_##name(bench::Run& run)
