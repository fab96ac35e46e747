"""How every tool here ends, so that each says only what it has to say.

A reader who has seen enough (`make solution EX=... | head`) and a Ctrl-C are no faults of a tool: it ends with the status
that a shell gives a program which the signal has ended, and without a traceback. Neither is a file that cannot be written,
because it belongs to root, is on a read-only disk, or the disk is full: that is one sentence, and status 1.
"""

from __future__ import annotations

import errno
import os
import pwd
import select
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from . import build_folder

INTERRUPTED, READER_GONE = 130, 141  # 128 + SIGINT, 128 + SIGPIPE
NOT_ALLOWED, DISK_IS_FULL = (errno.EACCES, errno.EPERM), (errno.ENOSPC, errno.EDQUOT)


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
    except OSError as error:
        sentence = sentence_for(error)
        if not sentence:
            raise
        print(sentence, file=sys.stderr)
        code = 1
    _forget_what_nobody_reads()
    sys.exit(code)


def sentence_for(error: OSError) -> str:
    """What a user can do about it; nothing for an error that is a fault of ours."""
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):  # of a copied folder, one for each file
        source, target, why = error.args[0][0]
        return f"{source} cannot be copied to {target}: {why}"
    place = error.filename2 or error.filename or "A file"
    if error.errno in NOT_ALLOWED:
        return f"{place} cannot be used: {error.strerror}.{_owner_of(place)}{_way_out(place)}"
    if error.errno == errno.EROFS:
        return f"{place} cannot be written: it is on a read-only file system.{_way_out(place)}"
    if error.errno in DISK_IS_FULL:
        return f"{place} cannot be written: {error.strerror}. `make clean` deletes what was built."
    if _way_out(place) and not build_folder.of().is_dir():
        return f"The build folder {build_folder.of()} cannot be made: {error.strerror}.{_way_out(place)}"
    return ""


def _way_out(place: object) -> str:
    inside = Path(str(place)).absolute().is_relative_to(build_folder.of().absolute())
    return " BUILD=dir chooses another build folder." if inside else ""


def _owner_of(place: object) -> str:
    """Who owns the place, or the nearest that there is above it, if that is another user."""
    path = os.path.abspath(os.fsdecode(place)) if isinstance(place, (str, bytes, os.PathLike)) else "/"
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    try:
        owner = os.stat(path).st_uid
        return "" if owner == os.geteuid() else f" {path} belongs to {pwd.getpwuid(owner).pw_name}."
    except (OSError, KeyError):
        return ""


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
