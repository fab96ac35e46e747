"""setup.sh, tried with a PATH that holds only what a test puts there: no test installs anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SETUP = Path(__file__).resolve().parents[1] / "setup.sh"
BASICS = ("sh", "awk", "grep", "head", "find", "cat", "mktemp", "rm", "mkdir", "dirname", "uname")
BUILD_TOOLS = ("python3", "cmake", "ninja", "nc", "curl", "pkg-config", "ps", "ctags-universal")
HEADERS = ("catch2/catch.hpp", "fmt/core.h", "CLI/CLI.hpp")


class FakeMachine(unittest.TestCase):
    """A machine whose commands and headers are stubs."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle setup ")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.bin, self.headers, self.log = self.home / "bin", self.home / "include", self.home / "log"
        self.packages = self.home / "packages"
        tools = self.home / "root/common/tools"
        for path in (self.bin, self.headers, tools):
            path.mkdir(parents=True)
        shutil.copy(SETUP, tools / "setup.sh")
        self.script = tools / "setup.sh"
        for name in BASICS:
            (self.bin / name).symlink_to(str(shutil.which(name)))
        self.command("id", "echo 0")

    def command(self, name: str, body: str = "exit 0") -> None:
        """A stub; `log` in its body notes how it was called."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\nlog() {{ echo "{name} $*" >>"{self.log}"; }}\n{body}\n')
        path.chmod(0o755)

    def compiler(self, name: str, version: str, words: str, builds: bool = True) -> None:
        """A compiler that tells its version, and notes each compilation."""
        self.command(name, f'case $1 in -dumpversion) echo {version} ;; --version) echo "{words}" ;; '
                           f'*) log "$@"; exit {0 if builds else 1} ;; esac')

    def header(self, name: str) -> None:
        path = self.headers / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    def debian(self) -> None:
        """An apt-get that installs from a folder for each package, with the package's commands in it."""
        self.command("apt-get", f"""log "$@"
            [ "$1" != install ] || for package in "$@"; do
              [ ! -d "{self.packages}/$package" ] || {shutil.which("cp")} "{self.packages}/$package"/* "{self.bin}"
            done""")
        self.command("apt-cache")

    def package(self, package: str, command: str) -> None:
        """Moves a command from the machine into a package."""
        (self.packages / package).mkdir(parents=True, exist_ok=True)
        (self.bin / command).rename(self.packages / package / command)

    def everything_for_build(self) -> None:
        for name in BUILD_TOOLS:
            self.command(name)
        for name in HEADERS:
            self.header(name)

    def run_setup(self, *groups: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.bin), "TREADLE_HEADERS": str(self.headers), "TREADLE_SYSTEM": "Linux", **variables}
        return subprocess.run([str(shutil.which("sh")), str(self.script), *groups], env=env, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=60)

    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


class Compiler(FakeMachine):
    def test_clang_19_is_chosen_where_it_is(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.compiler("g++", "12.2.0", "g++ 12.2.0")
        done = self.run_setup("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.splitlines()[0], r"^Compiler: clang\+\+-19, clang version 19\.1\.7, because ")

    def test_it_tells_its_choice_once_and_again_when_it_changes(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.compiler("g++", "12.2.0", "g++ 12.2.0")
        told = [self.run_setup("build", CXX=cxx).stdout.count("Compiler: ") for cxx in ("", "", "g++", "g++", "")]
        self.assertEqual(told, [1, 0, 1, 0, 1])

    def test_cxx_overrides(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.compiler("g++", "12.2.0", "g++ 12.2.0")
        done = self.run_setup("build", CXX="g++")
        self.assertRegex(done.stdout, r"^Compiler: g\+\+, g\+\+ 12\.2\.0, because CXX= says so")

    def test_cxx_that_is_not_there_is_misuse(self) -> None:
        done = self.run_setup("build", CXX="no-such++")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no such compiler", done.stderr)

    def test_an_old_clang_is_passed_over_for_gcc_12(self) -> None:
        self.compiler("clang++", "14.0.6", "clang version 14.0.6")
        self.compiler("g++", "12.2.0", "g++ 12.2.0")
        self.assertEqual(self.run_setup("--cxx").stdout.strip(), "g++")

    def test_the_newest_clang_from_16_on_is_chosen(self) -> None:
        self.compiler("clang++", "16.0.6", "clang version 16.0.6")
        self.compiler("clang++-18", "18.1.8", "clang version 18.1.8")
        self.compiler("g++", "13.2.0", "g++ 13.2.0")
        self.assertEqual(self.run_setup("--cxx").stdout.strip(), "clang++-18")

    def test_gcc_11_will_not_do(self) -> None:
        self.compiler("g++", "11.3.0", "g++ 11.3.0")
        done = self.run_setup("--cxx")
        self.assertEqual((done.returncode, done.stdout.strip()), (1, "none"))

    def test_a_compiler_that_cannot_build_is_told(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7", builds=False)
        done = self.run_setup("build")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot build a C++20 coroutine", done.stderr)

    def test_the_compiler_is_tried_only_once(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.run_setup("build")
        tried = len(self.calls())
        self.run_setup("build")
        self.assertEqual((tried, len(self.calls())), (1, 1))


class Missing(FakeMachine):
    def test_nothing_is_installed_where_all_is_there(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.command("apt-get", 'log "$@"')
        self.assertEqual(self.run_setup("build").returncode, 0)
        self.assertFalse([call for call in self.calls() if call.startswith("apt-get")])

    def test_no_install_names_the_packages_and_stops(self) -> None:
        self.command("apt-get", 'log "$@"')
        done = self.run_setup("build", "book", NO_INSTALL="1")
        self.assertEqual(done.returncode, 1)
        for package in ("clang-19", "cmake", "ninja-build", "catch2", "libfmt-dev", "libcli11-dev", "doxygen", "graphviz"):
            self.assertIn(f"(Debian package {package})", done.stdout)
        self.assertIn("NO_INSTALL=1, so nothing is installed", done.stdout)
        self.assertEqual(self.calls(), [])

    def test_no_install_goes_on_with_gcc_where_only_clang_19_is_missing(self) -> None:
        self.everything_for_build()
        self.command("apt-get", 'log "$@"')
        self.compiler("g++", "12.2.0", "g++ 12.2.0")
        done = self.run_setup("build", NO_INSTALL="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Compiler: g++", done.stdout)

    def test_apt_installs_what_is_missing(self) -> None:
        self.everything_for_build()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.debian()
        self.package("cmake", "cmake")
        done = self.run_setup("build")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("missing: CMake (Debian package cmake)", done.stdout)
        apt = [call for call in self.calls() if call.startswith("apt-get")]
        self.assertEqual(apt, ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends cmake"])

    def test_what_only_the_installed_compiler_needs_is_installed_in_a_second_round(self) -> None:
        """With g++ alone nothing is asked of clang's sanitizers. Once clang 19 is installed it is chosen, and they are."""
        self.everything_for_build()
        self.compiler("g++", "12.2.0", "g++ 12.2.0")
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.command("llvm-symbolizer-19")
        (self.bin / "find").unlink()  # setup.sh looks for the sanitizers under /usr/lib, in which no test may write
        self.command("find", f'[ ! -e "{self.bin}/sanitizers" ] || echo libclang_rt.asan.so')
        self.command("sanitizers")
        self.debian()
        self.package("clang-19", "clang++-19")
        self.package("libclang-rt-19-dev", "sanitizers")
        self.package("llvm-19", "llvm-symbolizer-19")
        done = self.run_setup("build", "sanitizers")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Compiler: clang++-19", done.stdout)
        installed = [call.rpartition("recommends ")[2] for call in self.calls() if call.startswith("apt-get install")]
        self.assertEqual(installed, ["clang-19", "libclang-rt-19-dev llvm-19"])

    def test_a_round_that_changes_nothing_ends_with_what_is_still_missing(self) -> None:
        self.everything_for_build()
        (self.bin / "cmake").unlink()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.debian()
        done = self.run_setup("build")
        self.assertEqual(done.returncode, 1)
        self.assertIn("missing: CMake", done.stdout)
        self.assertIn("still missing", done.stdout)

    def test_sudo_is_used_where_not_root(self) -> None:
        self.everything_for_build()
        (self.bin / "cmake").unlink()
        self.compiler("clang++-19", "19.1.7", "clang version 19.1.7")
        self.command("id", "echo 1000")
        self.command("sudo", 'log "$@"')
        self.command("apt-get", "exit 1")
        done = self.run_setup("build")
        self.assertIn("sudo apt-get update -qq", self.calls())
        self.assertEqual(done.returncode, 1)
        self.assertIn("still missing", done.stdout)

    def test_macos_is_told_the_brew_command(self) -> None:
        self.compiler("clang++", "16.0.6", "clang version 16.0.6")
        self.command("python3")
        done = self.run_setup("build", "book", TREADLE_SYSTEM="Darwin")
        self.assertEqual(done.returncode, 1)
        self.assertIn("brew install cmake ninja catch2 fmt cli11 curl pkgconf universal-ctags doxygen graphviz", done.stdout)

    def test_other_systems_are_told_the_names(self) -> None:
        done = self.run_setup("build", TREADLE_SYSTEM="FreeBSD")
        self.assertEqual(done.returncode, 1)
        self.assertIn("their names in Debian are:", done.stdout)

    def test_an_unknown_group_is_misuse(self) -> None:
        done = self.run_setup("kitchen")
        self.assertEqual(done.returncode, 2)
        self.assertIn("the groups are python build", done.stderr)


if __name__ == "__main__":
    unittest.main()
