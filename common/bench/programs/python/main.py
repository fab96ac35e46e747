"""Runs one Python workload, as the compiled programs do: main.py LOOP WORKLOAD OPERATIONS WARMUP [PARAMETER].

LOOP is asyncio or uvloop, so that both run the very same coroutines. A workload is a file here with
`async def bench(run)`; it is measured between run.start() and run.stop(), in CPU time of the process and in wall time.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

TASKS = 1000
DEPTH = 1000
LIVE_TIMERS = 10_000
TIMERS_PER_TURN = 100
BUFFER = 4096


class Run:
    """One run of a workload: how much to do, and what it took."""

    def __init__(self, operations: int, parameter: int = 1) -> None:
        self.operations = operations
        self.parameter = parameter
        self.total = 0
        self.wall = 0
        self._started = 0
        self._wall_started = 0

    def start(self) -> None:
        self._wall_started = time.monotonic_ns()
        self._started = time.process_time_ns()

    def stop(self) -> None:
        self.total = time.process_time_ns() - self._started
        self.wall = time.monotonic_ns() - self._wall_started

    def report(self) -> None:
        print(json.dumps({"operations": self.operations, "total": self.total, "wall": self.wall}), flush=True)

    def report_and_exit(self) -> None:
        """For a measurement whose clean-up would take longer than itself."""
        self.report()
        os._exit(0)


def resident_bytes() -> int:
    """The resident set of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def deadlines():
    """Between 10 s and 110 s, the same sequence as in the compiled programs."""
    state = 42
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield 10 + (state >> 33) % 100_000 / 1000


def loop_runner(name: str):
    """The function that runs a coroutine on the loop called `name`."""
    if name == "asyncio":
        return asyncio.run
    import uvloop

    uvloop.install()
    return asyncio.run


def main(arguments: list[str]) -> int:
    loop, workload, operations, warmup, *rest = arguments
    parameter = int(rest[0]) if rest else 1
    signal.alarm(300)
    sys.setrecursionlimit(20 * DEPTH)
    sys.modules["main"] = sys.modules["__main__"]
    bench = importlib.import_module(workload).bench
    run_loop = loop_runner(loop)
    if int(warmup) > 0:
        run_loop(bench(Run(int(warmup), parameter)))
    run = Run(int(operations), parameter)
    run_loop(bench(run))
    run.report()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
