// command_line.hpp: what a program was told when it was started.
//
// The work is done by CLI11, a large header that takes seconds to compile. So one file includes
// it, and programs see these few lines instead.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace examples {

/// The options and arguments of a program. Name each with the variable it goes to, then parse().
class CommandLine {
 public:
  /// `about` is the first line of --help.
  explicit CommandLine(const std::string& about);
  ~CommandLine();

  /// An option such as `--port 8000`. Where it is not given, `value` stays as it is.
  void option(const std::string& name, std::string& value, const std::string& help);
  void option(const std::string& name, std::size_t& value, const std::string& help);
  void option(const std::string& name, std::uint16_t& value, const std::string& help);
  void option(const std::string& name, std::chrono::nanoseconds& value, const std::string& help);

  /// A word without dashes, such as a file; all that are left, where `values` is a vector.
  void argument(const std::string& name, std::string& value, const std::string& help);
  void arguments(const std::string& name, std::vector<std::string>& values,
                 const std::string& help);

  /// Fills the variables. `--help` prints what there is and ends the program with 0; a line that
  /// makes no sense is answered with what is wrong about it, and ends it with 2.
  void parse(int argc, char** argv);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// Ends the program with `status` after `program: message` on stderr.
[[noreturn]] void exit_with(int status, const std::string& message);

}  // namespace examples
