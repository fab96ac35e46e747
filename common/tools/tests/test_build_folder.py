"""One build folder, and one command at a time in each part of it: the second says which command it waits for."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from treadle_tools import build_folder, stages, terminal

TOOLS = Path(__file__).resolve().parents[1]
ROOT = stages.ROOT
WORKS = """\
import sys
from treadle_tools import build_folder
with build_folder.locked("dev"):
    with build_folder.locked("dev"):
        print("works", flush=True)
        sys.stdin.readline()
"""


class Folder(unittest.TestCase):
    def test_build_names_another(self) -> None:
        for named, folder in (("", ROOT / "build"), ("out", ROOT / "out"), ("/tmp/x", Path("/tmp/x"))):
            with mock.patch.dict(os.environ, {"BUILD": named}):
                self.assertEqual(build_folder.of(), folder)
                self.assertEqual(build_folder.of(Path("/some/tree")), Path("/some/tree/build"))

    def test_no_tool_names_the_folder_itself(self) -> None:
        """Below a folder of the tree, that is: a string that begins with `build`, joined to a root."""
        join = re.compile(r'\b(?:root|ROOT|REPOSITORY)\b\)? / "build\b')
        for place in ("common", "book"):
            for path in (ROOT / place).rglob("*.py"):
                if "tests" not in path.parts and path.name != "build_folder.py":
                    self.assertNotRegex(path.read_text(), join, path)


class Lock(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle lock ")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, door: str, **more: str) -> subprocess.Popen[str]:
        env = {**os.environ, "PYTHONPATH": str(TOOLS), "BUILD": self.folder, "TREADLE_DOOR": door, build_folder.HELD: "", **more}
        child = subprocess.Popen([sys.executable, "-B", "-c", WORKS], text=True, env=env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(lambda: (child.kill(), child.wait(), child.stdin.close(), child.stdout.close(), child.stderr.close()))
        return child

    def test_the_second_names_the_first_and_waits(self) -> None:
        first = self.start("make test")
        self.assertEqual(first.stdout.readline(), "works\n")
        second = self.start("make stage")
        self.assertEqual(second.stderr.readline(), f"Waiting for `make test` (process {first.pid}), which works in {self.folder}/dev.\n")
        first.stdin.close()
        self.assertEqual(second.stdout.readline(), "works\n")
        third = self.start("make asan")
        self.assertIn("`make stage`", third.stderr.readline())
        second.kill()  # the kernel drops its lock
        self.assertEqual(third.stdout.readline(), "works\n")
        third.stdin.close()
        first.wait()
        third.wait()

    def test_what_a_command_starts_works_under_its_lock(self) -> None:
        first = self.start("make test")
        first.stdout.readline()
        child = self.start("make test", **{build_folder.HELD: f"{self.folder}/.locks/dev"})
        self.assertEqual(child.stdout.readline(), "works\n")

    def test_every_tool_that_builds_takes_the_lock(self) -> None:
        for name in ("test_all", "tour", "stress", "install", "mutants", "model_check", "lint", "transcripts"):
            self.assertIn("build_folder.locked(", (TOOLS / f"{name}.py").read_text(), name)
        self.assertIn("build_folder.locked(", (ROOT / "common/bench/treadle_bench/main.py").read_text())
        self.assertIn("build_folder.locked_by(", (ROOT / "book/build").read_text())


class Terminal(unittest.TestCase):
    """Whether there are colours, and whether a line is drawn again, is asked in one place."""

    def test_a_terminal_that_only_prints_has_neither(self) -> None:
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        with open(theirs, "w") as stream:
            for name, colours, moves in (("xterm", True, True), ("dumb", False, False)):
                with mock.patch.dict(os.environ, {"TERM": name, "NO_COLOR": ""}):
                    self.assertEqual((terminal.colours(stream), terminal.moves(stream)), (colours, moves), name)
            with mock.patch.dict(os.environ, {"TERM": "xterm", "NO_COLOR": "1"}):
                self.assertEqual((terminal.colours(stream), terminal.moves(stream)), (False, True))

    def test_no_other_file_asks(self) -> None:
        for path in [*TOOLS.rglob("*.py"), *(ROOT / "common/bench").rglob("*.py")]:
            if "tests" not in path.parts and path.name not in ("terminal.py", "report.py"):  # its table asks for the width
                self.assertNotIn("isatty", path.read_text(), path)
        self.assertNotIn("NO_COLOR", (ROOT / "common/bench/treadle_bench/report.py").read_text())


if __name__ == "__main__":
    unittest.main()
