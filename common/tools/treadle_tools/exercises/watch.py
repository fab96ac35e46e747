"""Calls back whenever a file is saved. Polls, because editors save in too many ways for anything cleverer.

Some write in place, some write a new file and rename it over the old one, some delete first; a signature of time, size
and inode sees all of these. It has to stand still for one look before we believe the save is finished.
"""
from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

Signature = tuple[int, int, int] | None


def signature(path: Path) -> Signature:
    """What changes when the file is saved; None while it does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def watch(path: Path, on_save: Callable[[], None], on_gone: Callable[[], None], stop: Callable[[], bool],
          pause: float = 0.15) -> None:
    """Calls on_save for the file as it is now and after each save, on_gone when it disappears, until stop()."""
    handled: Signature | str = "nothing yet"
    seen = signature(path)
    while not stop():
        now = signature(path)
        if now == seen and now != handled:
            handled = now
            (on_gone if now is None else on_save)()
        seen = now
        time.sleep(pause)
