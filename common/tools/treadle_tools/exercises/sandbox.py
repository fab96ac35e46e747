"""Limits for programs we do not trust to end: what they are, how they scale, and the call that runs a program in them.

A limit that is right on a fast machine fails honest answers on a slow one, so time limits are scaled by how fast this
machine turns out to be (`slowness`) and a wall-clock limit exists only as a backstop behind the limit on processor time.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

CAGE = Path(__file__).with_name("cage.py")
REFERENCE_SECONDS = 0.02  # what the calibration loop takes on the machine the default limits were chosen on


@dataclass(frozen=True)
class Limits:
    """What one run may use. `memory_mb` is resident memory of all its processes together; threads count as processes."""

    cpu_seconds: float = 5
    wall_seconds: float = 20
    idle_seconds: float = 5
    memory_mb: float = 512
    processes: int = 64
    file_mb: float = 16
    files: int = 4096
    output_kb: float = 64

    def scaled(self, slow: float, busy: float = 1.0) -> "Limits":
        """The same limits on a slower machine; only the clock needs more room on a busy one, processor time does not."""
        return replace(self, cpu_seconds=self.cpu_seconds * slow, wall_seconds=self.wall_seconds * slow * busy,
                       idle_seconds=self.idle_seconds * slow * busy)


COMPILER_LIMITS = Limits(cpu_seconds=60, wall_seconds=180, idle_seconds=180, memory_mb=3072, processes=64, file_mb=512,
                         output_kb=256)


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `ended` is exit, cpu, wall, idle, memory, processes or abandoned."""

    ended: str
    exit: int | None
    signal: int | None
    stdout: str
    stderr: str
    cut: bool
    wall: float
    cpu: float
    peak_mb: float
    peak_processes: int
    error: str

    @property
    def signal_name(self) -> str:
        """SIGSEGV rather than 11."""
        if self.signal is None:
            return ""
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


def _loop_seconds() -> float:
    began = time.process_time()
    sum(i * i % 7 for i in range(200_000))
    return time.process_time() - began


@lru_cache(maxsize=1)
def slowness() -> float:
    """How much slower this machine is than the reference, between 1 and 10."""
    return min(10.0, max(1.0, min(_loop_seconds() for _ in range(3)) / REFERENCE_SECONDS))


def crowding() -> float:
    """How many processes compete for each processor, between 1 and 8."""
    return min(8.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


def clean_environment(home: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """An environment without anything of the caller's: no tokens, no settings, a home of its own."""
    base = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8"}
    return base | (extra or {})


def run(argv: list[str], cwd: Path, env: dict[str, str], limits: Limits, *, address_space: bool = True,
        drop: bool = True) -> Outcome:
    """Runs a program in its cage. `drop`: as root, run it as a user of its own, to whom `cwd` is given."""
    order = {
        "argv": argv, "cwd": str(cwd), "env": env, "give": [str(cwd)], "drop": drop, "cpu": limits.cpu_seconds,
        "wall": limits.wall_seconds, "idle": limits.idle_seconds, "memory_mb": limits.memory_mb,
        "address_space": address_space, "processes": limits.processes, "file_mb": limits.file_mb,
        "files": limits.files, "output_kb": limits.output_kb,
    }
    done = subprocess.run([sys.executable, "-I", "-S", str(CAGE)], input=json.dumps(order), capture_output=True,
                          text=True, check=False)
    if done.returncode != 0 or not done.stdout:
        raise RuntimeError(f"the cage itself failed: {done.stderr.strip() or done.returncode}")
    outcome = Outcome(**json.loads(done.stdout))
    if outcome.error:
        raise RuntimeError(f"cannot start {argv[0]}: {outcome.error}")
    return outcome
