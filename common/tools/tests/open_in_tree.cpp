// Prints a file of a folder: `open_in_tree FOLDER PATH`. For test_examples.py.
#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "support/file_tree.hpp"

int main(int, char** argv) {
  std::vector<std::string> path{""};
  for (const char c : std::string(argv[2])) {
    if (c == '/') {
      path.emplace_back();
    } else {
      path.back() += c;
    }
  }
  try {
    const examples::FileTree tree(argv[1]);
    char buffer[1000];
    const std::size_t count = tree.open(path).read(buffer, 0);
    std::fwrite(buffer, 1, count, stdout);
  } catch (const std::system_error&) {
    return 1;
  }
}
