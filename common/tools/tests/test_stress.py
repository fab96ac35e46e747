"""`make stress`: what it counts, and that its busy processes always end. And which tests carry the tag [real-time]."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import fake_catch
import stress
from test_runner.catch_report import Case
from test_runner.progress import Board
from treadle_tools import stages

TOOLS = Path(__file__).resolve().parents[1]
ROOT = TOOLS.parents[1]


def is_running(process: int) -> bool:
    """Whether there is such a process, and it has not ended yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def children_of(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def wait_until(holds, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Counting(unittest.TestCase):
    def run_all(self, runs: Sequence[Sequence[Case]], chosen: Sequence[str] = ("06-metrics",)) -> tuple[int, str]:
        """Exit status and words where the runs give these cases."""
        given = iter(runs)
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            tallies = stress.run_all(chosen, len(runs) // len(chosen), lambda stage: next(given), Board(chosen))
            code = stress.report(tallies, 6, 1.0)
        return code, out.getvalue() + errors.getvalue()

    def test_a_case_that_passes_in_every_run_has_passed(self) -> None:
        code, said = self.run_all([[Case("Post: a", True), Case("Post: b", True)]] * 3)
        self.assertEqual(code, 0)
        self.assertIn("06-metrics: 2 test cases, 3 times beside 6 busy processes", said)
        self.assertEqual(said.splitlines()[-1], "2 passed, 0 failed")

    def test_one_that_fails_now_and_then_is_told_with_count_first_run_and_its_message(self) -> None:
        good, bad = Case("Post: a", True), Case("Post: a", False, messages=["post.cpp:9: 1 == 2"])
        worse = Case("Post: a", False, messages=["another reason"])
        code, said = self.run_all([[good], [bad], [good], [worse]])
        self.assertEqual(code, 1)
        self.assertIn("FAILED Post: a\n  in 06-metrics\n  it failed in 2 of 4 runs, first in run 2:\n  post.cpp:9: 1 == 2\n", said)
        self.assertNotIn("another reason", said)
        self.assertEqual(said.splitlines()[-1], "0 passed, 1 failed")

    def test_each_stage_counts_by_itself(self) -> None:
        good, bad = [Case("Post: a", True)], [Case("Post: a", False)]
        code, said = self.run_all([good, good, good, bad], ("05-threads", "06-metrics"))
        self.assertEqual(code, 1)
        self.assertIn("in 06-metrics\n  it failed in 1 of 2 runs, first in run 2:\n  it gave no reason", said)
        self.assertEqual(said.splitlines()[-1], "1 passed, 1 failed")

    def test_where_no_test_has_the_tag_nothing_has_passed(self) -> None:
        code, said = self.run_all([[]])
        self.assertEqual(code, 1)
        self.assertIn("No test ran", said)


class Choosing(unittest.TestCase):
    def test_the_newest_stage_unless_it_says_otherwise(self) -> None:
        options = stress.parse_options([])
        self.assertEqual(options.stage, [stages.newest(ROOT).name])
        self.assertEqual((options.times, options.busy), (200, 3 * stress.cores()))
        self.assertEqual(stress.parse_options(["--stage", "1", "--stage", "01"]).stage, [stages.find("01", ROOT).name])

    def test_only_tests_with_the_tag_are_chosen(self) -> None:
        self.assertEqual(stress.tagged(""), "[real-time]")
        self.assertEqual(stress.tagged("Post*,Clock: a*"), "Post*[real-time],Clock: a*[real-time]")

    def test_what_makes_no_sense_is_refused(self) -> None:
        for words in (["--stage", "99"], ["--times", "0"], ["--busy", "-1"]):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                stress.parse_options(words)


class BusyProcesses(unittest.TestCase):
    def test_they_run_for_as_long_as_the_block(self) -> None:
        with stress.busy_processes(2) as children:
            self.assertTrue(all(is_running(child.pid) for child in children))
        self.assertEqual(len(children), 2)
        self.assertFalse(any(is_running(child.pid) for child in children))

    def test_they_end_with_an_error_too(self) -> None:
        with self.assertRaises(ZeroDivisionError), stress.busy_processes(1) as children:
            raise ZeroDivisionError
        self.assertFalse(is_running(children[0].pid))

    def test_they_end_where_the_second_cannot_be_started(self) -> None:
        real, begun = subprocess.Popen, []

        def only_one(*words, **options):
            if begun:
                raise OSError("no more processes")
            begun.append(real(*words, **options))
            return begun[0]

        with self.assertRaises(OSError), mock.patch.object(subprocess, "Popen", only_one), stress.busy_processes(2):
            self.fail("the block ran")
        self.assertFalse(is_running(begun[0].pid))


class Program(unittest.TestCase):
    """The whole, with a stand-in for a stage's test program."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        self.stage = stages.newest(ROOT).name

    def start(self, *cases: tuple[str, str], times: int = 3) -> subprocess.Popen[str]:
        # The stand-in takes a filter for the beginning of a name.
        fake_catch.write(self.tree / "tests" / f"tests-{self.stage}", [(f"{stress.TAG} {name}", deed) for name, deed in cases])
        command = [sys.executable, "-B", str(TOOLS / "stress.py"), "--times", str(times), "--busy", "2", "--no-build",
                   "--tree", str(self.tree)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "NO_COLOR": "1"})

    def test_all_pass(self) -> None:
        with self.start(("a", "pass"), ("b", "pass")) as child:
            said, _ = child.communicate(timeout=120)
        self.assertEqual((child.returncode, said.splitlines()[-1]), (0, "2 passed, 0 failed"))

    def test_one_fails_and_one_dies(self) -> None:
        with self.start(("a", "pass"), ("b", "fail"), ("c", "kill")) as child:
            said, _ = child.communicate(timeout=120)
        self.assertEqual((child.returncode, said.splitlines()[-1]), (1, "1 passed, 2 failed"))
        self.assertIn("it failed in 3 of 3 runs, first in run 1:", said)
        self.assertIn("the program was killed by SIGKILL", said)

    def busy_ones(self, child: subprocess.Popen[str]) -> list[int]:
        """Its two busy processes, once there are both."""
        found: list[int] = []

        def both() -> bool:
            found[:] = [one for one in children_of(child.pid) if b"getppid" in Path(f"/proc/{one}/cmdline").read_bytes()]
            return len(found) == 2

        self.assertTrue(wait_until(both))
        return found

    def test_after_ctrl_c_or_a_request_to_end_nothing_runs_on(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.start(("a", "hang")) as child:
                self.busy_ones(child)
                self.assertTrue(wait_until(lambda: len(children_of(child.pid)) == 3))  # and the test program
                started = children_of(child.pid)
                child.send_signal(number)
                said, _ = child.communicate(timeout=120)
            self.assertEqual(child.returncode, 130)
            self.assertIn("stopped", said)
            self.assertFalse(any(is_running(one) for one in started))

    def test_after_a_kill_nothing_busy_runs_on(self) -> None:
        with self.start(("a", "pass"), times=1_000_000) as child:
            busy = self.busy_ones(child)
            child.kill()
            child.communicate(timeout=120)
        self.assertTrue(wait_until(lambda: not any(is_running(one) for one in busy)))


class Tags(unittest.TestCase):
    """Each test that uses real time, or a thread or process beside its own, carries the tag; tests/stages.txt has the rule."""

    CASE = re.compile(r"^(?:TEMPLATE_)?TEST_CASE(?:_METHOD)?\(", re.MULTILINE)
    # What none can use without real time or a second thread, by this name.
    WORDS = re.compile(r"\b(in_thread|LoopInThread|Threads?\b(?!:)|start_together|ThreadPool|PoolFixture|std::thread\b(?!::id)|ChildProcess|Sender|"
                       r"press_ctrl_c_soon|close_while|AsksAnotherThread|AsksThreads|steady_clock|std::clock|setitimer|usleep|"
                       r"this_thread::sleep_for)\b")

    def bodies(self) -> list[tuple[str, str]]:
        """(head, body) of each test case."""
        found = []
        for path in sorted((ROOT / "tests").glob("test_*.cpp")):
            text = re.sub(r"//.*", "", path.read_text())
            starts = [match.start() for match in self.CASE.finditer(text)]
            for start in starts:
                end = text.index("\n}\n", start)
                head, _, body = text[start:end].partition(") {\n")
                found.append((f"{path.name}: {head}", body))
        return found

    def test_a_test_that_uses_real_time_or_threads_carries_the_tag(self) -> None:
        bodies = self.bodies()
        self.assertGreater(len(bodies), 500)
        without = [head for head, body in bodies if stress.TAG not in head and self.WORDS.search(head + body)]
        self.assertEqual(without, [])


if __name__ == "__main__":
    unittest.main()
