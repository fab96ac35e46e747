"""The public headers under the flags and macros of other people's programs."""

from __future__ import annotations

import shutil
import subprocess
import unittest

from treadle_tools import compiler, stages

ROOT = stages.ROOT
INCLUDE = stages.newest(ROOT).path / "include"
PROGRAM = "".join(f"#include <treadle/{path.name}>\n" for path in sorted((INCLUDE / "treadle").glob("*.hpp"))) + """
static treadle::Coro<int> answer() { co_return 42; }
static treadle::Coro<int> twice(treadle::Task<int> task) {
  const int first = co_await task;
  co_return first + co_await std::move(task);
}
int main() {
  treadle::EventLoop loop;
  return loop.run_until_complete(twice(loop.create_task(answer())));
}
"""
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
# What clang says of any C++20 program, and of this one.
NOT_OURS = ["-Wno-c++98-compat", "-Wno-c++98-compat-pedantic", "-Wno-pre-c++14-compat", "-Wno-pre-c++17-compat",
            "-Wno-pre-c++20-compat", "-Wno-padded", "-Wno-unknown-warning-option"]
SENTENCE = "Treadle needs C++20 (-std=c++20) with coroutines, exceptions and run-time type information."
CLANG = shutil.which("clang++-19")
GCC = shutil.which("g++")


def complaints(*words: str, program: str = PROGRAM, standard: str = "-std=c++20") -> list[str]:
    """What the compiler says of the program, one line each."""
    done = subprocess.run([*words, standard, "-fsyntax-only", "-x", "c++", "-"], input=program, capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if "error:" in line or "warning:" in line]


class Flags(unittest.TestCase):
    def test_every_header_is_clean_under_the_usual_warnings(self) -> None:
        self.assertEqual(complaints(*compiler.chosen().direct, f"-I{INCLUDE}", *WARNINGS), [])

    @unittest.skipUnless(CLANG, "clang's reading of non-virtual destructors; g++ counts what friends can reach")
    def test_no_destructor_that_a_program_can_call_is_non_virtual_beside_virtual_functions(self) -> None:
        self.assertEqual(complaints(str(CLANG), f"-I{INCLUDE}", *WARNINGS, "-Wnon-virtual-dtor"), [])

    @unittest.skipUnless(CLANG, "a flag of clang's")
    def test_as_system_headers_they_say_nothing_under_weverything(self) -> None:
        self.assertEqual(complaints(str(CLANG), f"-isystem{INCLUDE}", "-Weverything", "-Werror", *NOT_OURS), [])

    @unittest.skipUnless(GCC, "flags of g++'s")
    def test_as_system_headers_they_say_nothing_under_effcxx(self) -> None:
        self.assertEqual(complaints(str(GCC), f"-isystem{INCLUDE}", *WARNINGS, "-Wnon-virtual-dtor", "-Weffc++"), [])

    def test_macros_of_other_libraries_do_not_hit_them(self) -> None:
        """Apple's AssertMacros.h, Qt and X11 name macros in lower case, or as one would name a type."""
        function_like = "".join(f"#define {name}(x)\n" for name in ("check", "verify", "require", "foreach"))
        plain = "".join(f"#define {name} 1\n" for name in ("check_noerr", "emit", "slots", "signals", "forever", "None", "Status",
                                                            "Bool", "Success", "Always", "major", "minor", "linux", "unix"))
        includes, program = PROGRAM.split("\nstatic", 1)
        standard = "#include <vector>\n"  # a header of the standard library does not survive all of them
        for macros in (function_like, plain, "#define check 1\n"):
            text = f"{standard}#include <fmt/format.h>\n{macros}{includes}\nstatic{program}"
            self.assertEqual(complaints(*compiler.chosen().direct, f"-I{INCLUDE}", program=text), [])


class Needs(unittest.TestCase):
    """Less than the library needs: the first error is the sentence that says so."""

    def test_the_first_error_says_what_is_missing(self) -> None:
        for name in filter(None, (CLANG, GCC)):
            for standard, *flags in (["-std=c++17"], ["-std=c++20", "-fno-exceptions"], ["-std=c++20", "-fno-rtti"]):
                said = complaints(name, f"-I{INCLUDE}", *flags, program="#include <treadle/event_loop.hpp>\n", standard=standard)
                self.assertIn(SENTENCE, said[0] if said else "", (name, standard, flags))


if __name__ == "__main__":
    unittest.main()
