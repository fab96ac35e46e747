// scratch: keeps a file while it works, and removes it when it is done.
//
//   scratch /tmp/notes                press Ctrl-C, and look: the file is gone
//   scratch /tmp/notes --as-before    as programs of the chapters before end: it stays for ever
//
// Both have the same destructor. A process that a signal ends runs none; a task that is cancelled
// runs them all.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>

#include "treadle/run.hpp"
#include "treadle/sleep.hpp"

using namespace std::chrono_literals;
using namespace treadle;

namespace {

class ScratchFile {
 public:
  explicit ScratchFile(std::string name) : name_(std::move(name)) {
    std::ofstream{name_} << "notes\n";
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() {
    std::remove(name_.c_str());
    fmt::print(stderr, "removed {}\n", name_);
  }

 private:
  std::string name_;
};

Coro<> work(std::string name) {
  const ScratchFile file(std::move(name));
  co_await Sleep(2s);
  fmt::print("the work is done\n");
}

}  // namespace

int main(int argc, char** argv) {
  const bool as_before = argc == 3 && std::string(argv[2]) == "--as-before";
  if (argc != 2 && !as_before) {
    fmt::print(stderr, "Name the file to keep: scratch FILE [--as-before]\n");
    return 2;
  }
  if (!as_before) {
    run(work(argv[1]));
    return 0;
  }
  EventLoop loop;
  loop.run_until_complete(work(argv[1]));
}
