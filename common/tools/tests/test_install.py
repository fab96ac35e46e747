"""The newest stage as a library, in every way in which a project of one's own can use it: installed and found, as a
subdirectory (the stage or the whole tree), fetched, linked into a shared library that a program loads."""

from __future__ import annotations

import re
import subprocess
import tempfile
import unittest
from functools import cache
from pathlib import Path

from test_runner import build
from treadle_tools import stages
from treadle_tools.compiler import Compiler

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()
PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(foreign LANGUAGES CXX)
{treadle}
add_executable(my_program main.cpp)
target_compile_options(my_program PRIVATE -Wall -Wextra -Wconversion -Wnon-virtual-dtor -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wweak-vtables -Wctad-maybe-unsupported>)  # which our headers do not heed
target_link_libraries(my_program PRIVATE treadle::treadle)
"""
PLUGIN = """\
add_library(plugin SHARED plugin.cpp)
target_link_libraries(plugin PRIVATE treadle::treadle)
add_executable(host host.cpp)
target_link_libraries(host PRIVATE ${CMAKE_DL_LIBS})
"""
PLUGIN_SOURCE = """\
#include <treadle/event_loop.hpp>
#include <treadle/run_in_thread.hpp>
#include <treadle/sleep.hpp>

namespace {
treadle::Coro<int> answer() {
  co_await treadle::sleep_for(std::chrono::milliseconds(1));
  co_return co_await treadle::run_in_thread([] { return 42; });
}
}  // namespace

extern "C" int run_a_loop() {
  treadle::EventLoop loop;
  return loop.run_until_complete(answer());
}
"""
HOST_SOURCE = """\
#include <dlfcn.h>

#include <cstdio>

int main(int, char** argv) {
  void* plugin = dlopen(argv[1], RTLD_NOW);
  if (!plugin) return std::puts(dlerror());
  std::printf("%d\\n", reinterpret_cast<int (*)()>(dlsym(plugin, "run_a_loop"))());
  return dlclose(plugin);
}
"""


def block(language: str) -> str:
    """The README's first block of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)[0]


@cache
def compiler() -> Compiler:
    return build.chosen_compiler()


class Foreign(unittest.TestCase):
    """A project of one's own, in a path with a space."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle install ")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)

    def call(self, *command: str | Path) -> str:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def configure(self, source: Path, tree: Path, *options: str) -> str:
        return self.call("cmake", "-G", "Ninja", "-S", source, "-B", tree, *compiler().cmake, *options)

    def project(self, treadle: str, more: str = "") -> tuple[Path, Path]:
        """The source and the build folder of a project that has the README's program."""
        source = self.home / "project"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(PROJECT.format(treadle=treadle) + more)
        for name, text in (("main.cpp", block("cpp")), ("plugin.cpp", PLUGIN_SOURCE), ("host.cpp", HOST_SOURCE)):
            (source / name).write_text(text)
        return source, self.home / "build"


class Installed(Foreign):
    def built(self) -> Path:
        """A build tree with the newest stage: that of `make test` where it is fresh, else one of its own."""
        newest, tree, alone = stages.newest(ROOT), build.tree(ROOT, "dev"), self.home / "stage"
        if (tree / "build.ninja").exists() and build.is_up_to_date(tree, f"treadle-{newest.name}"):
            return tree
        self.configure(newest.path, alone, "-DTREADLE_EXAMPLES=OFF", "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_UNITY_BUILD=ON",
                       "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0")
        self.call("cmake", "--build", alone)
        return alone

    def test_a_foreign_project_finds_treadle_runs_the_readmes_program_and_loads_a_library_with_a_loop(self) -> None:
        self.call("cmake", "--install", self.built(), "--prefix", self.home / "prefix")
        (find,) = re.findall(r"^find_package.*$", block("cmake"), re.MULTILINE)
        source, tree = self.project(find, PLUGIN)
        self.configure(source, tree, f"-DCMAKE_PREFIX_PATH={self.home / 'prefix'}")
        self.call("cmake", "--build", tree)
        self.assertEqual(self.call(tree / "my_program"), "42\n")
        (plugin,) = tree.glob("libplugin.*")
        self.assertEqual(self.call(tree / "host", plugin), "42\n")


class Subproject(Foreign):
    """Each way is configured and its program compiled. `copy_out.py --install` builds and runs one of them."""

    def used(self, treadle: str, *options: str) -> list[str]:
        """The libraries, examples and tests that the project builds by default."""
        source, tree = self.project(treadle)
        self.configure(source, tree, *options)
        self.call("cmake", "--build", tree, "--target", "CMakeFiles/my_program.dir/main.cpp.o")
        inputs = self.call("ninja", "-C", tree, "-t", "inputs", "all")
        return re.findall(r"(?:lib\w+\.a|examples/.*|tests/.*)$", inputs, re.MULTILINE)

    def test_a_stage(self) -> None:
        where = stages.newest(ROOT).path
        self.assertEqual(self.used(f'add_subdirectory("{where}" treadle)'), ["libtreadle.a"])

    def test_the_tree_gives_the_newest_stage_and_no_more(self) -> None:
        self.assertEqual(self.used(f'add_subdirectory("{ROOT}" treadle)'), ["libtreadle.a"])
        rules = (self.home / "build/build.ninja").read_text()
        self.assertEqual(set(re.findall(r"treadle/chapters/(\d\d-[a-z-]+)/", rules)), {stages.newest(ROOT).name})

    def test_the_tree_with_examples_and_tests_if_they_are_asked_for(self) -> None:
        source, tree = self.project(f'add_subdirectory("{ROOT}" treadle)')
        self.configure(source, tree, "-DTREADLE_TESTS=ON", "-DTREADLE_EXAMPLES=ON")
        targets = self.call("ninja", "-C", tree, "-t", "targets", "all")
        newest = stages.newest(ROOT).name
        self.assertIn(f"\ntests-{newest}: phony", targets)
        self.assertIn(f"\nexample-{newest}-echo_server: phony", targets)

    def test_fetch_content(self) -> None:
        fetch = f'include(FetchContent)\nFetchContent_Declare(treadle SOURCE_DIR "{ROOT}")\nFetchContent_MakeAvailable(treadle)'
        self.assertEqual(self.used(fetch), ["libtreadle.a"])

    def test_a_project_that_has_found_fmt_itself(self) -> None:
        where = stages.newest(ROOT).path
        self.assertEqual(self.used(f'find_package(fmt REQUIRED)\nadd_subdirectory("{where}" treadle)'), ["libtreadle.a"])


if __name__ == "__main__":
    unittest.main()
