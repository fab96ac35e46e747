"""How the tools end: a reader who has seen enough and a Ctrl-C are no faults, and leave no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
ROOT = TOOLS.parents[1]
TALKS = """\
import os, sys
from treadle_tools import cli
def main(how):
    if how == "talks":
        for line in range(100000):
            print("line", line)
    if how == "flushes at its end":
        print("a word")
    if how == "fails":
        print("a word", file=sys.stderr)
        sys.exit(3)
    if how == "has a pipe of its own":
        reading, writing = os.pipe()
        os.close(reading)
        os.write(writing, b"x")
    if how == "waits":
        print("ready", flush=True)
        sys.stdin.read()
    return 4 if how == "finds" else None
cli.run(main, sys.argv[1])
"""


class Ends(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.script = Path(folder.name) / "tool.py"
        self.script.write_text(TALKS)

    def start(self, how: str, **streams: int) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-B", str(self.script), how], text=True,
                                env={**os.environ, "PYTHONPATH": str(TOOLS)}, **streams)

    def end(self, how: str) -> tuple[int, str]:
        """Exit status and complaints where nobody reads what it prints."""
        reading, writing = os.pipe()
        os.close(reading)
        child = self.start(how, stdout=writing, stderr=subprocess.PIPE)
        os.close(writing)
        _, complaints = child.communicate(timeout=60)
        return child.returncode, complaints

    def test_a_reader_who_has_gone_ends_a_tool_in_silence(self) -> None:
        self.assertEqual(self.end("talks"), (141, ""))
        self.assertEqual(self.end("flushes at its end"), (141, ""))

    def test_what_it_found_and_what_it_refused_stays_its_status(self) -> None:
        self.assertEqual(self.end("finds"), (4, ""))
        self.assertEqual(self.end("fails"), (3, "a word\n"))
        self.assertEqual(self.end("is content"), (0, ""))

    def test_another_broken_pipe_is_a_fault_and_told(self) -> None:
        with self.start("has a pipe of its own", stderr=subprocess.PIPE) as child:
            _, complaints = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 1)
        self.assertIn("BrokenPipeError", complaints)

    def test_ctrl_c_ends_a_tool_in_silence(self) -> None:
        with self.start("waits", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            self.assertEqual(child.stdout.readline(), "ready\n")
            child.send_signal(signal.SIGINT)
            _, complaints = child.communicate(timeout=60)
        self.assertEqual((child.returncode, complaints), (130, ""))


class Tools(unittest.TestCase):
    def test_every_tool_ends_this_way(self) -> None:
        programs = [path for path in TOOLS.glob("*.py") if "__main__" in path.read_text()]
        self.assertGreater(len(programs), 12)
        for path in programs:
            self.assertRegex(path.read_text(), r'if __name__ == "__main__":\n    cli\.run\(main', path.name)

    def test_the_tools_that_show_something_can_be_piped_into_head(self) -> None:
        for command in ("growth.py", "exercise.py list", "diff_stages.py 02"):
            done = subprocess.run(["sh", "-c", f"{sys.executable} -B common/tools/{command} | true"], cwd=ROOT,
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual((done.stdout, done.stderr), ("", ""), command)

    def test_a_door_that_shows_something_can_be_piped_into_head(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        for door in ("hint", "solution", "diff"):
            recipe = makefile.split(f"\n{door}:\n", 1)[1].split("\n\n", 1)[0]
            self.assertIn("$(MAY_BE_CUT)", recipe, door)


if __name__ == "__main__":
    unittest.main()
