// main.cpp: finds the workload by name, runs it, prints one line of JSON.
#include "bench.hpp"

#include <time.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace bench {
namespace {

std::map<std::string, Workload>& workloads() {
  static std::map<std::string, Workload> all;
  return all;
}

void print_result(Run const& run) {
  std::printf("{\"operations\": %llu, \"total\": %llu, \"wall\": %llu}\n",
              static_cast<unsigned long long>(run.operations()),
              static_cast<unsigned long long>(run.total()),
              static_cast<unsigned long long>(run.wall()));
  std::fflush(stdout);
}

std::uint64_t read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

bool parse(std::string_view text, std::uint64_t& number) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

int misuse(char const* program) {
  std::fprintf(stderr,
               "%s: call me as %s WORKLOAD OPERATIONS WARMUP [PARAMETER]; workloads here:", program,
               program);
  for (auto const& [name, workload] : workloads()) std::fprintf(stderr, " %s", name.c_str());
  std::fprintf(stderr, "\n");
  return 2;
}

}  // namespace

std::uint64_t cpu_time() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

std::uint64_t wall_time() { return read_clock(CLOCK_MONOTONIC); }

std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long size = 0;
  unsigned long long resident = 0;
  int const fields = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

void Run::report_and_exit() const {
  print_result(*this);
  std::_Exit(0);
}

void announce_port(unsigned port) {
  std::printf("port %u\n", port);
  std::fflush(stdout);
}

Register::Register(char const* name, Workload workload) { workloads()[name] = workload; }

}  // namespace bench

int main(int argc, char** argv) {
  std::uint64_t operations = 0;
  std::uint64_t warmup = 0;
  std::uint64_t parameter = 1;
  bool const understood = (argc == 4 || argc == 5) && bench::parse(argv[2], operations) &&
                          bench::parse(argv[3], warmup) &&
                          (argc == 4 || bench::parse(argv[4], parameter)) && parameter > 0;
  if (!understood) return bench::misuse(argv[0]);
  auto const found = bench::workloads().find(argv[1]);
  if (found == bench::workloads().end()) return bench::misuse(argv[0]);

  std::signal(SIGPIPE, SIG_IGN);
  alarm(300);  // whatever happens to the driver, nothing stays behind
  if (warmup > 0) {
    bench::Run before(warmup, static_cast<unsigned>(parameter));
    found->second(before);
  }
  bench::Run run(operations, static_cast<unsigned>(parameter));
  found->second(run);
  bench::print_result(run);
  return 0;
}
