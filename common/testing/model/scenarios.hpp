// scenarios.hpp: what the programs of the model have in common: they explore scenarios by name, and print a line for each.
// To be included after relacy_std.hpp.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace model {

/// Explores one scenario by `simulate(params)` and prints a line; true if nothing was found. Relacy's account of the run that
/// shows a fault goes to standard error.
template <class Simulate>
bool explore(const char* name, const std::string& search, int limit, Simulate simulate) {
  rl::ostringstream account;  // any other stream would ask the run for its memory
  rl::test_params params;
  params.iteration_count = static_cast<rl::iteration_t>(limit);
  params.context_bound = static_cast<unsigned>(limit);
  params.execution_depth_limit = 2000;
  params.output_stream = params.progress_stream = &account;

  const auto begun = std::chrono::steady_clock::now();
  const bool good = simulate(params);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("%-46s %-21s %10lu runs %5.1f s  %s\n", name, search.c_str(),
              static_cast<unsigned long>(params.stop_iteration), took.count(),
              good ? "ok" : rl::test_result_str(params.test_result));
  std::fflush(stdout);
  if (!good) std::fputs(account.str().c_str(), stderr);
  return good;
}

/// Explores all scenarios, or the one that is named on the command line. Gives the status of the program.
template <class Scenarios, class Explore>
int explore_all(int argc, char** argv, const Scenarios& scenarios, Explore explore_one) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  bool any = false;
  for (const auto& each : scenarios) {
    if (!wanted.empty() && wanted != each.name) continue;
    any = true;
    if (!explore_one(each)) return 1;
  }
  if (!any) std::fprintf(stderr, "There is no scenario called %s.\n", argv[1]);
  return any ? 0 : 2;
}

}  // namespace model
