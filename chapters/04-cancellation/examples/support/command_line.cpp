#include "support/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <stdexcept>
#include <system_error>

#include "support/duration.hpp"

namespace examples {

namespace {

std::string program = "program";  // for messages

// A whole number of at most `most`, written in digits and nothing else.
std::uint64_t parse_number(const std::string& text, std::uint64_t most) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number > most)
    throw std::invalid_argument(
        fmt::format("a number from 0 to {} is needed, not `{}`", most, text));
  return number;
}

}  // namespace

struct CommandLine::Parser {
  CLI::App app;

  // `read` turns the words into the value, or throws std::invalid_argument that says what it wants.
  void add(const std::string& name, const std::string& type, const std::string& standard,
           const std::string& help, std::function<void(const std::string&)> read) {
    app.add_option_function<std::string>(
           name,
           [name, read](const std::string& text) {
             try {
               read(text);
             } catch (const std::invalid_argument& error) {
               throw CLI::ValidationError(name, error.what());
             }
           },
           help)
        ->type_name(type)
        ->default_str(standard);
  }

  template <class T>
  void add_number(const std::string& name, T& value, const std::string& help) {
    add(name, "NUMBER", fmt::to_string(value), help, [&value](const std::string& text) {
      value = static_cast<T>(parse_number(text, std::numeric_limits<T>::max()));
    });
  }
};

CommandLine::CommandLine(const std::string& about) : parser_(new Parser{CLI::App(about)}) {}
CommandLine::~CommandLine() = default;

void CommandLine::option(const std::string& name, std::string& value, const std::string& help) {
  parser_->add(name, "TEXT", value, help, [&value](const std::string& text) { value = text; });
}

void CommandLine::option(const std::string& name, std::size_t& value, const std::string& help) {
  parser_->add_number(name, value, help);
}

void CommandLine::option(const std::string& name, std::uint16_t& value, const std::string& help) {
  parser_->add_number(name, value, help);
}

void CommandLine::option(const std::string& name, std::chrono::nanoseconds& value,
                         const std::string& help) {
  parser_->add(name, "TIME", to_string(value), help,
               [&value](const std::string& text) { value = parse_duration(text); });
}

void CommandLine::argument(const std::string& name, std::string& value, const std::string& help) {
  parser_->app.add_option(name, value, help)->type_name("");
}

void CommandLine::arguments(const std::string& name, std::vector<std::string>& values,
                            const std::string& help) {
  parser_->app.add_option(name, values, help)->type_name("");
}

void CommandLine::parse(int argc, char** argv) {
  const std::string path = argc > 0 ? argv[0] : "program";
  program = path.substr(path.rfind('/') + 1);
  try {
    parser_->app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) std::exit(parser_->app.exit(error));  // --help
    exit_with(2, fmt::format("{}. `{} --help` lists what there is.", error.what(), program));
  }
}

void exit_with(int status, const std::string& message) {
  // Not fmt::print(), which throws if stderr is a pipe without a reader: then only the status is left.
  std::fputs(fmt::format("{}: {}\n", program, message).c_str(), stderr);
  std::exit(status);
}

}  // namespace examples
