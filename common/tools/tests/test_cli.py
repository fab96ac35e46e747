"""How the tools end: a reader who has seen enough and a Ctrl-C are no faults, and leave no traceback."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from treadle_tools import cli

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
    if how == "cannot write":
        raise PermissionError(13, "Permission denied", os.path.join(os.environ["FOLDER"], "file"))  # root may write everywhere
    if how == "is read-only":
        raise OSError(30, "Read-only file system", os.path.join(os.environ["FOLDER"], "file"))
    if how == "full":
        with open("/dev/full", "w") as file:
            file.write("x")
    if how == "fault":
        open("/no/such/file")
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

    def said(self, how: str, **variables: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-B", str(self.script), how], text=True, capture_output=True,
                              env={**os.environ, "PYTHONPATH": str(TOOLS), **variables})
        return done.returncode, done.stderr

    def test_what_cannot_be_written_is_one_sentence(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            code, said = self.said("cannot write", FOLDER=folder)
            self.assertEqual((code, said.count("\n")), (1, 1), said)
            self.assertIn(f"{folder}/file cannot be used: Permission denied.", said)
            self.assertNotIn("BUILD=", said)
            for how in ("cannot write", "is read-only"):
                self.assertIn("BUILD=dir chooses another", self.said(how, FOLDER=folder, BUILD=folder)[1])

    def test_a_build_folder_that_cannot_be_made_is_one_sentence(self) -> None:
        for build, error in (("/proc/no", FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/no/lint")),
                             ("/dev/null", NotADirectoryError(errno.ENOTDIR, "Not a directory", "/dev/null/lint"))):
            with mock.patch.dict(os.environ, {"BUILD": build}):
                self.assertIn(f"The build folder {build} cannot be made: {error.strerror}.", cli.sentence_for(error))

    def test_the_owner_is_named_if_it_is_another_user(self) -> None:
        error = PermissionError(errno.EACCES, "Permission denied", "/no-such-folder/file")
        with mock.patch("os.geteuid", return_value=os.stat("/").st_uid + 1):
            self.assertIn(" / belongs to root.", cli.sentence_for(error))

    @unittest.skipUnless(os.path.exists("/dev/full"), "there is no full device here")
    def test_a_full_disk_is_one_sentence(self) -> None:
        code, said = self.said("full")
        self.assertEqual((code, said.count("\n")), (1, 1), said)
        self.assertIn("No space left", said)

    def test_a_fault_of_ours_is_told_whole(self) -> None:
        self.assertIn("FileNotFoundError", self.said("fault")[1])

    def test_ctrl_c_ends_a_tool_in_silence(self) -> None:
        with self.start("waits", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            self.assertEqual(child.stdout.readline(), "ready\n")
            child.send_signal(signal.SIGINT)
            _, complaints = child.communicate(timeout=60)
        self.assertEqual((child.returncode, complaints), (130, ""))


class Tools(unittest.TestCase):
    def test_every_program_ends_this_way(self) -> None:
        other = {"cage.py": "it runs alone, with nothing but the standard library, and no user starts it",
                 "filter.py": "Doxygen starts it, once for each page and header",
                 "follow_links.py": "a step of CI", "main.py": "a program that is measured"}
        found = {path for place in ("common", "book", ".ci") for path in (ROOT / place).rglob("*")
                 if path.is_file() and "tests" not in path.parts and "node_modules" not in path.parts
                 and (path.suffix == ".py" or path.read_bytes()[:22] == b"#!/usr/bin/env python3")}
        programs = {path for path in found if re.search(r"^if __name__|^sys\.exit|^cli\.run", path.read_text(), re.MULTILINE)}
        self.assertGreater(len(programs), 15)
        for path in programs:
            if path.name not in other:
                self.assertRegex(path.read_text(), r"(?m)^ *cli\.run\(main", path.name)

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
