#!/usr/bin/env python3
"""`make stress`: run the tests that carry the tag [real-time] again and again, beside busy processes.

A test passes or fails by what the runtime does, however busy the machine is. The tests that use real time or threads can
break this rule; here they run while other processes want every core, three to a core. It ends with the failures: each
test case with how often it failed, in which run first and why; and with one line `N passed, N failed`, which counts test
cases.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from test_runner import build, catch_program, matrix
from test_runner.catch_report import Case
from test_runner.progress import Board
from treadle_tools import build_folder, cli, stages

ROOT = Path(__file__).resolve().parents[2]
TAG = "[real-time]"
BUSY_TO_A_CORE = 3
# It ends when its parent has ended, whatever ended the parent.
BUSY = """\
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""
RunCases = Callable[[str], Sequence[Case]]  # stage -> the cases of one run


def cores() -> int:
    return len(os.sched_getaffinity(0))


@contextmanager
def busy_processes(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that do nothing but use their core, for as long as the block runs."""
    children: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            # In a session of its own: a Ctrl-C is for us, and we stop them.
            children.append(subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())], stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        yield children
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


def end_children() -> None:
    """End every child that is left: a signal may come after a child was started and before anything knows of it."""
    for process in map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()):
        for kill in (os.killpg, os.kill):  # with its session, or before it has one
            with suppress(ProcessLookupError):
                kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(process, 0)


# --- Counting ---


@dataclass
class Record:
    """One test case: how often it failed, and the first time."""

    failures: int = 0
    first_run: int = 0
    messages: list[str] = field(default_factory=list)


@dataclass
class Tally:
    """What became of the cases of one stage, in all runs so far."""

    runs: int = 0
    records: dict[str, Record] = field(default_factory=dict)

    def add(self, cases: Sequence[Case]) -> None:
        """Count one run."""
        self.runs += 1
        for case in cases:
            record = self.records.setdefault(case.name, Record())
            if case.passed:
                continue
            record.failures += 1
            if record.failures == 1:
                record.first_run, record.messages = self.runs, case.messages

    def cases(self) -> list[Case]:
        """Each case once. It passed if it passed in every run."""
        return [Case(name, record.failures == 0, messages=self._story(record)) for name, record in self.records.items()]

    def _story(self, record: Record) -> list[str]:
        if not record.failures:
            return []
        times = f"it failed in {record.failures} of {self.runs} runs, first in run {record.first_run}:"
        return [times, *(record.messages or ["it gave no reason"])]


def run_all(chosen: Sequence[str], times: int, run: RunCases, board: Board) -> dict[str, Tally]:
    """Run each stage so many times, in turns. A Ctrl-C, or SIGTERM, ends it early."""
    tallies = {stage: Tally() for stage in chosen}
    try:
        for _ in range(times):
            for stage in chosen:
                tally = tallies[stage]
                if tally.runs == 0:
                    board.update(stage, "running", done=0, total=times)
                tally.add(run(stage))
                failed = matrix.count(tally.cases())[1]
                board.update(stage, f"running, {failed} failed" if failed else "running", done=tally.runs, total=times)
    except KeyboardInterrupt:
        print("\nstopped")
    return tallies


# --- The program ---


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the tests that use real time and threads beside busy processes.")
    parser.add_argument("--stage", action="append", default=[], metavar="06", help="this stage (the newest); may be given again")
    parser.add_argument("--times", type=int, default=200, metavar="N", help="how often each test runs (200)")
    parser.add_argument("--busy", type=int, default=BUSY_TO_A_CORE * cores(), metavar="N",
                        help=f"busy processes beside them ({BUSY_TO_A_CORE} to a core)")
    parser.add_argument("--filter", default="", metavar="'Post*,Clock*'", help=f"of the tests with the tag {TAG} only these")
    parser.add_argument("--preset", default="dev", help="a preset of CMakePresets.json (dev)")
    parser.add_argument("--no-build", action="store_true", help="the test programs are built already")
    parser.add_argument("--tree", type=Path, help="the build folder (build/PRESET)")
    options = parser.parse_args(argv)
    if options.times < 1 or options.busy < 0:
        parser.error("--times is 1 or more, and --busy 0 or more")
    try:
        wanted = options.stage or [stages.newest(ROOT).number]
        options.stage = list(dict.fromkeys(stages.find(one, ROOT).name for one in wanted))
    except stages.UnknownStage as error:
        parser.error(str(error))
    options.tree = options.tree or build.tree(ROOT, options.preset)
    return options


def tagged(patterns: str) -> str:
    """For Catch2: the test cases with the tag, of each of these patterns."""
    return ",".join(pattern + TAG for pattern in patterns.split(","))


def build_stage(stage: str, preset: str) -> bool:
    """Build a stage with all of its tests."""
    command = [sys.executable, "-B", str(ROOT / "common/tools/test_all.py"), "--stage", stage[:2], "--preset", preset,
               "--build-only"]
    return subprocess.run(command, check=False).returncode == 0


def report(tallies: dict[str, Tally], busy: int, seconds: float) -> int:
    """Print what failed and the sum; the exit status."""
    verdicts = {stage: tally.cases() for stage, tally in tallies.items()}
    for stage, cases in verdicts.items():
        failures = matrix.failures({stage: cases})
        if failures:
            print("\n" + failures)
    print()
    for stage, tally in tallies.items():
        print(f"{stage}: {len(tally.records)} test cases, {tally.runs} times beside {busy} busy processes")
    print(f"{seconds:.0f} s")
    print(f"\n{matrix.sum_line(list(verdicts.values()))}", flush=True)
    passed, failed = matrix.count([case for cases in verdicts.values() for case in cases])
    if passed + failed == 0:
        print(f"No test ran: none that was asked for has the tag {TAG}.", file=sys.stderr, flush=True)
    return 0 if passed and not failed else 1


def main(argv: Sequence[str]) -> int:
    options = parse_options(argv)
    with build_folder.locked(options.preset):
        return run(options)


def run(options: argparse.Namespace) -> int:
    """Build, repeat, report; the exit status."""
    if not options.no_build and not all([build_stage(stage, options.preset) for stage in options.stage]):
        print("\n0 passed, 1 failed")
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as a Ctrl-C: nothing that we started runs on
    begun = time.monotonic()
    board = Board(options.stage)
    backstop = float(os.environ.get("TREADLE_BACKSTOP", 300))
    with tempfile.TemporaryDirectory() as folder, busy_processes(options.busy), ExitStack() as last:
        last.callback(end_children)

        def run(stage: str) -> list[Case]:
            program = options.tree / "tests" / f"tests-{stage}"
            return catch_program.run_program(
                program, Path(folder) / f"{stage}.xml", tagged(options.filter), backstop,
                lambda name, _: board.update(stage, now=name))

        tallies = run_all(options.stage, options.times, run, board)
    for stage in tallies:
        board.update(stage, now="")
    board.close()
    code = report(tallies, options.busy, time.monotonic() - begun)
    stopped = any(tally.runs < options.times for tally in tallies.values())
    return cli.INTERRUPTED if stopped else code


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
