// stack_entry.hpp: one line of a task's stack, and how compilers call a function.
//
// A thread's stack can be read by a debugger. A task that waits has none: what would be its stack is
// a chain of frames on the heap. Each of them notes the line of the co_await at which it stands, and
// this is such a note, in words.
//
// Thread safety: values.
#pragma once

#include <source_location>
#include <string>
#include <string_view>

namespace treadle {

/// A coroutine that waits, and where in it.
struct StackEntry {
  std::string function;  ///< Its name, with the scopes it is in: `Server::serve`.
  std::string file;      ///< The source file, as the compiler was told it.
  unsigned line = 0;     ///< The line of the co_await, or of the body where it has not begun.

  StackEntry() = default;
  explicit StackEntry(const std::source_location& where);

  bool operator==(const StackEntry&) const = default;
};

/// `serve (server.cpp:41)`, the file without its directories.
std::string to_string(const StackEntry& entry);

/// `server.cpp:41`.
std::string to_string(const std::source_location& where);

/// The name alone out of what compilers give as a function's name: `Coro<int> Server::read(Socket
/// &) const` is `Server::read`. What a lambda is called differs from compiler to compiler; here it is
/// `serve()::lambda` everywhere.
std::string short_function_name(std::string_view function);

}  // namespace treadle
