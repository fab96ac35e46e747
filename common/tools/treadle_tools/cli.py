"""How every tool here ends, so that each says only what it has to say.

A reader who has seen enough (`make solution EX=... | head`) and a Ctrl-C are no faults of a tool: it ends with the status
that a shell gives a program which the signal has ended, and without a traceback.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import Any, NoReturn

INTERRUPTED, READER_GONE = 130, 141  # 128 + SIGINT, 128 + SIGPIPE


def run(main: Callable[..., int | None], *arguments: Any) -> NoReturn:
    """Call `main` and leave with what it gives."""
    try:
        try:
            code = main(*arguments) or 0
        finally:
            sys.stdout.flush()  # not at the very end, where a failure could only be shown
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        if not (_reader_is_gone(1) or _reader_is_gone(2)):
            raise  # a pipe of its own: a fault like any other
        code = READER_GONE
    _forget_what_nobody_reads()
    sys.exit(code)


def _reader_is_gone(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, 0)
    return any(happened & select.POLLERR for _, happened in poller.poll(0))


def _forget_what_nobody_reads() -> None:
    """What is left in a buffer would be written, and fail again, when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        if _reader_is_gone(descriptor):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)
