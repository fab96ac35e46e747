"""Run one Catch2 program to its end, whatever happens in it.

A test that crashes or hangs must cost itself and nothing else: the program is started again with the cases that have
not run, and the culprit is reported by name. A hang is normally diagnosed by the test kit; the backstop here is for
loops that never come back.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path

from test_runner import catch_report
from test_runner.catch_report import Case, Report

MOST_DEATHS = 5  # after so many restarts the rest counts as not run
ADVICE = {"ThreadSanitizer: unexpected memory mapping": "This kernel spreads programs over more of the memory than the thread sanitizer "
          "can follow. As root: sysctl -w vm.mmap_rnd_bits=28; in a container, on its host."}
OnCase = Callable[[str, int], None]  # name of the case that begins, how many began before it


@dataclass(frozen=True)
class End:
    """How one run of the program ended."""

    code: int
    hung: bool
    output: str

    def describe(self, backstop: float) -> str:
        if self.hung:
            return f"it did not end within {backstop:.0f} s and was stopped"
        if self.code < 0:
            return f"the program was killed by {signal.Signals(-self.code).name}"
        return f"the program ended with exit status {self.code}"


def list_cases(program: Path, test_filter: str = "") -> list[str]:
    """The names of the program's test cases; Catch2 2 and 3 call the option differently."""
    chosen = [test_filter] if test_filter else []
    for option in (["--list-test-names-only"], ["--list-tests", "--verbosity", "quiet"]):
        done = subprocess.run([program, *option, *chosen], capture_output=True, text=True, timeout=60)
        if "nrecogni" not in done.stdout + done.stderr:
            return [_unquoted(line.strip()) for line in done.stdout.splitlines() if line.strip()]
    return []


def _unquoted(name: str) -> str:
    """Catch2 puts a name that begins with # into quotes."""
    return name[1:-1] if name.startswith('"#') and name.endswith('"') else name


def run_program(program: Path, report: Path, test_filter: str = "", backstop: float = 120.0,
                on_case: OnCase = lambda name, count: None) -> list[Case]:
    """Run all cases that the filter picks; cases that never ran or died are failed ones with a reason."""
    try:
        names = list_cases(program, test_filter)
    except (OSError, subprocess.SubprocessError) as error:
        return [Case("Program: starts", False, messages=[f"{program} cannot list its tests: {error}"])]
    cases: list[Case] = []
    arguments = [test_filter] if test_filter else []
    for _ in range(MOST_DEATHS):
        end, found = run_once(program, report, arguments, backstop, lambda n, k: on_case(n, k + len(cases)))
        cases += _judge(found, end, backstop)
        remaining = _not_run(names, cases)
        if not remaining or not _died(found, end):
            return cases
        arguments = ["-f", str(names_file(report.with_suffix(".names"), remaining))]
    return cases + [Case(name, False, messages=["not run: the program had died too often before it"])
                    for name in _not_run(names, cases)]


def _not_run(names: list[str], cases: list[Case]) -> list[str]:
    seen = {case.name for case in cases}
    return [name for name in names if name not in seen]


def _died(found: Report, end: End) -> bool:
    return found.open_case is not None or (bool(found.cases) and found.cases[-1].fatal) or end.hung


def _judge(found: Report, end: End, backstop: float) -> list[Case]:
    """The cases of one run, with one more where the program ended badly and no case says why."""
    cases = list(found.cases)
    if found.open_case is not None:
        cases.append(Case(found.open_case, False, found.open_where, messages=[end.describe(backstop), *_tail(end.output)]))
    elif end.hung or (end.code != 0 and all(case.passed for case in cases)):
        last = f"after `{cases[-1].name}`" if cases else "before the first test case"
        cases.append(Case("Program: ends cleanly", False,
                          messages=[f"{end.describe(backstop)}, {last}", *_tail(end.output)]))
    return cases


def _tail(output: str, most: int = 40) -> list[str]:
    """The program's own words; of a long sanitizer report the beginning says most."""
    lines = [line for line in output.strip().splitlines() if line.strip()]
    if len(lines) > most:
        lines = [*lines[:most], f"... and {len(lines) - most} more lines"]
    return (["\n".join(lines)] if lines else []) + [advice for words, advice in ADVICE.items() if words in output]


def names_file(path: Path, names: list[str]) -> Path:
    """Write the names for Catch2's option -f, which takes a comma or a quote for its own unless it is escaped."""
    path.write_text("".join(re.sub(r'([\\,"])', r"\\\1", name) + "\n" for name in names))
    return path


def run_once(program: Path, report: Path, arguments: list[str], backstop: float,
             on_case: OnCase = lambda name, count: None) -> tuple[End, Report]:
    """Start the program once and wait for its end."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [str(program), "-r", "xml", "-o", str(report), *arguments]
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                 env=sanitizer_environment(), start_new_session=True)
        try:
            hung = _watch(child, report, backstop, on_case)
        finally:
            _end_group(child)
        output.seek(0)
        end = End(child.wait(), hung, output.read().decode(errors="replace"))
    return end, catch_report.read(report)


def _watch(child: subprocess.Popen[bytes], report: Path, backstop: float, on_case: OnCase) -> bool:
    """Follow the report while the program writes it; true when one case takes longer than the backstop."""
    begun, since, pause = 0, time.monotonic(), 0.002
    while child.poll() is None:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        names = _begun_cases(report)
        if len(names) > begun:
            begun, since = len(names), time.monotonic()
            on_case(names[-1], begun - 1)
        if time.monotonic() - since > backstop:
            return True
    return False


def _begun_cases(report: Path) -> list[str]:
    try:
        text = report.read_text(errors="replace")
    except OSError:
        return []
    return [unescape(name) for name in re.findall(r'<TestCase name="([^"]*)"', text)]


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started (its session is its own)."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def sanitizer_environment() -> dict[str, str]:
    """The environment for a program that may have been built with sanitizers."""
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    # Halted, so that a race costs the case it is in. The child of a program with threads may make threads of its own.
    env.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1:halt_on_error=1:die_after_fork=0")
    symbolizer = Path("/usr/lib/llvm-19/bin/llvm-symbolizer")
    if symbolizer.exists():
        for tool in ("ASAN", "TSAN", "UBSAN", "MSAN"):
            env.setdefault(f"{tool}_SYMBOLIZER_PATH", str(symbolizer))
    return env
