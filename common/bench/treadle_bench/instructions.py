"""Instructions per operation, counted by valgrind: the same on a busy machine, so a gate can rely on them.

A program is counted twice, with two amounts of work; the difference holds no start-up, no loading, no teardown.
"""

from __future__ import annotations

import os
import re
import subprocess

from .errors import Trouble
from .rows import Row
from .runner import SECONDS_AT_MOST, Runner, dies_with_us, how_it_ended
from .workloads import Workload

SMALL, LARGE = 20_000, 60_000
COLLECTED = re.compile(r"^==\d+== Collected\s*:\s*(\d+)", re.MULTILINE)


def can_count(row: Row, workload: Workload) -> bool:
    """Compiled rows and CPU workloads: an interpreter's or a kernel's instructions are another story."""
    return row.has(workload) and row.is_compiled and workload.kind == "cpu"


def parse_collected(text: str) -> int:
    """The count in what valgrind prints."""
    match = COLLECTED.search(text)
    if match is None:
        raise Trouble("valgrind did not say how many instructions it collected")
    return int(match[1])


def collect(command: list[str]) -> int:
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    try:
        done = subprocess.run(callgrind, capture_output=True, text=True, timeout=SECONDS_AT_MOST, check=False,
                              env={**os.environ, "LC_ALL": "C"}, preexec_fn=dies_with_us())
    except subprocess.TimeoutExpired:
        raise Trouble(f"it did not end within {SECONDS_AT_MOST} seconds under valgrind") from None
    if done.returncode != 0:
        raise Trouble(how_it_ended(done.returncode, done.stderr))
    return parse_collected(done.stderr)


def per_operation(runner: Runner, row: Row, workload: Workload) -> float:
    counts = [collect(runner.command(row, workload, operations, 0)) for operations in (SMALL, LARGE)]
    return (counts[1] - counts[0]) / (LARGE - SMALL)
