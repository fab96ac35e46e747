"""Where and with what was measured: figures without that say nothing."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

from treadle_tools import git
from treadle_tools.compiler import Compiler

from .rows import ROOT


def output(*command: str) -> str:
    """The first line that a command prints, or nothing where it fails."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().split("\n")[0]


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def commit() -> str:
    """The commit measured, with a mark where the tree differs from it; nothing if the tree has no repository."""
    name = (git.ask(ROOT, "rev-parse", "--short=12", "HEAD") or b"").decode().strip()
    changed = name and git.ask(ROOT, "status", "--porcelain", "--", "chapters", "common/bench")
    return f"{name}-changed" if changed else name


def describe(compiler: Compiler, flags: str) -> dict[str, object]:
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "compiler": output(*compiler.command, "--version"),
        "flags": flags,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.release()}",
            "load_before": round(os.getloadavg()[0], 2),
        },
    }
