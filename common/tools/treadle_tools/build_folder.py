"""The build folder: `build`, or what BUILD= names. One command at a time works in one part of it.

Two builds in one folder break each other. So a command locks the part that it writes, with flock(2) on a file in the folder: the
kernel drops the lock when the process ends, however it ends. A second command says which one it waits for. What a command
starts works under its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from .stages import ROOT

HELD = "TREADLE_HOLDS"  # the lock files of this process and of those that started it


def of(root: Path = ROOT) -> Path:
    """The build folder of a tree. BUILD= speaks of the tree whose tools these are; a relative one is below that tree."""
    named = os.environ.get("BUILD") if root.resolve() == ROOT else None
    return ROOT / Path(named).expanduser() if named else root / "build"


@contextlib.contextmanager
def locked(part: str, root: Path = ROOT) -> Iterator[None]:
    """While it lasts, no other command works in this part of the build folder."""
    with locked_by(of(root) / ".locks" / part, str(of(root) / part)):
        yield


@contextlib.contextmanager
def locked_by(file: Path, what: str) -> Iterator[None]:
    """The same with a lock file of one's own, for a folder that `what` names."""
    held = os.environ.get(HELD, "")
    if str(file) in held.split(os.pathsep):
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a+") as lock:
        _take(lock, what)
        os.environ[HELD] = os.pathsep.join(filter(None, [held, str(file)]))
        try:
            yield
        finally:
            os.environ[HELD] = held


def _take(lock: TextIO, what: str) -> None:
    """Waits for the lock, and leaves in its file who has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        print(f"Waiting for {lock.read().strip() or 'another command'}, which works in {what}.", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    lock.seek(0)
    lock.truncate()
    lock.write(f"`{os.environ.get('TREADLE_DOOR') or ' '.join(sys.argv)}` (process {os.getpid()})\n")
    lock.flush()
