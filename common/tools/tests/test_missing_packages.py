"""A chapter alone, and the installed package, on a machine without fmt or CLI11: one sentence that names the package."""

from __future__ import annotations

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from test_runner import build
from treadle_tools import stages

ROOT = Path(__file__).resolve().parents[3]
CONSUMER = """\
cmake_minimum_required(VERSION 3.20)
project(foreign LANGUAGES CXX)
find_package(treadle REQUIRED)
"""


class Missing(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle missing ")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)

    def configure(self, source: Path, tree: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["cmake", "-G", "Ninja", "-S", str(source), "-B", str(self.home / tree),
                               *build.chosen_compiler().cmake, *options],
                              capture_output=True, text=True, timeout=300)

    def sentence(self, said: str) -> str:
        """CMake breaks lines where it likes."""
        return re.sub(r"\s+", " ", said)

    def test_without_fmt_a_chapter_says_so(self) -> None:
        done = self.configure(stages.newest(ROOT).path, "alone", "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Treadle needs the package fmt, which CMake does not find here; on Debian: apt install libfmt-dev",
                      self.sentence(done.stderr))

    def test_without_cli11_the_library_is_built_and_the_examples_are_left_out_with_a_line_that_says_so(self) -> None:
        newest = stages.newest(ROOT)
        done = self.configure(newest.path, "alone", "-DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"The examples of {newest.name} are left out: they need the package CLI11; on Debian: apt install libcli11-dev",
                      done.stdout)
        targets = subprocess.run(["ninja", "-C", str(self.home / "alone"), "-t", "targets", "all"], capture_output=True, text=True)
        self.assertIn("libtreadle.a", targets.stdout)
        self.assertNotIn("echo_server", targets.stdout)

    def test_a_stage_whose_examples_read_no_command_line_needs_no_cli11(self) -> None:
        first = next(stage for stage in stages.stages(ROOT) if not (stage.path / "examples/support").exists())
        done = self.configure(first.path, "alone", "-DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON")
        self.assertEqual((done.returncode, "left out" in done.stdout), (0, False), done.stderr)

    def test_without_fmt_the_installed_package_says_so(self) -> None:
        self.configure(stages.newest(ROOT).path, "alone")
        foreign = self.home / "foreign"
        foreign.mkdir()
        (foreign / "CMakeLists.txt").write_text(CONSUMER)
        done = self.configure(foreign, "tree", f"-Dtreadle_DIR={self.home / 'alone'}", "-DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON")
        self.assertEqual(done.returncode, 1)
        self.assertIn("it needs the package fmt, which CMake does not find here; on Debian: apt install libfmt-dev",
                      self.sentence(done.stderr))


if __name__ == "__main__":
    unittest.main()
