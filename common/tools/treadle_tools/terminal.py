"""The terminal: colours if there is one and NO_COLOR is not set (https://no-color.org), and which processes get its Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import TextIO


def colours(stream: TextIO | None = None) -> bool:
    """May we colour what we write to `stream`?"""
    return not os.environ.get("NO_COLOR") and moves(stream)


def moves(stream: TextIO | None = None) -> bool:
    """Is it a terminal on which a line can be drawn again? TERM=dumb, or no TERM, is one that only prints."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM", "dumb") != "dumb"


@contextlib.contextmanager
def ctrl_c_of_our_own() -> Iterator[None]:
    """While it lasts, Ctrl-C interrupts this process and its later children, and not the `make` that started it.

    Without it `make` would end with an error, although Ctrl-C is the way to end what is shown. Ctrl-Z is switched off
    meanwhile: it would stop us and leave `make`, and with it the terminal, waiting. See setpgid(2) and tcsetpgrp(3).
    """
    before = _become_foreground()
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):  # the terminal may be gone
                os.tcsetpgrp(0, before)


def _become_foreground() -> int | None:
    """The process group that was in the foreground before; None if we are not in the foreground of a terminal."""
    try:
        before = os.tcgetpgrp(0)
        if before != os.getpgrp() or os.getpid() == os.getsid(0):
            return None
        for ignored in (signal.SIGTTOU, signal.SIGTSTP):
            signal.signal(ignored, signal.SIG_IGN)
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        return before
    except OSError:
        return None
