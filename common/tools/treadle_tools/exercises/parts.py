"""The store of what checks share: a directory for each part, named by the hash of all that went into it.

A part can never be stale, so it is made at most once, whoever asks first: threads and processes wait for one another. But
every change of a header leaves parts behind that nobody will ask for again; those go when a new one comes.
"""
from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

KEPT = 4  # of each part: with and without sanitizers, for two compilers
IN_USE_SECONDS = 3600  # so long after it was last asked for, a part may still serve somebody
FORGOTTEN_SECONDS = 30 * 86400
PART = re.compile(r"(.+)-[0-9a-f]{16}")


class Parts:
    """The store in one directory."""

    def __init__(self, store: Path) -> None:
        self._store = store

    def get(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        """The directory of a part; `make` fills it where it is not there yet."""
        place = self._store / f"{name}-{key}"
        if not place.is_dir():
            with self._alone(name):
                if not place.is_dir():  # somebody may have made it while we waited
                    self._make(place, make)
                    self.prune()
        _touch(place)
        return place

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Nobody else makes this part at the same time."""
        self._store.mkdir(parents=True, exist_ok=True)
        with open(self._store / f".lock-{name}", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make(self, place: Path, make: Callable[[Path], None]) -> None:
        fresh = Path(tempfile.mkdtemp(prefix="making-", dir=self._store))
        fresh.chmod(0o755)
        try:
            make(fresh)
            os.rename(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    # --- what nobody will ask for again ----------------------------------------------------------------------------

    def prune(self, now: float | None = None) -> None:
        """Throws away what is old: of each part all but the newest, and whatever was not asked for in a month."""
        now = time.time() if now is None else now
        for path in self._superfluous(now):
            path.unlink(missing_ok=True) if path.is_symlink() or path.is_file() else shutil.rmtree(path, ignore_errors=True)

    def _superfluous(self, now: float) -> Iterator[Path]:
        ages = {path: now - _last_use(path) for path in [*self._store.glob("*-*"), *self._store.glob("proved/*")]}
        found: dict[str, int] = {}
        for path in sorted(ages, key=lambda p: ages[p]):
            match = PART.fullmatch(path.name)
            name = match.group(1) if match else ""
            found[name] = found.get(name, 0) + 1
            beyond = bool(match and found[name] > KEPT) or path.name.startswith("making-")
            if ages[path] > (IN_USE_SECONDS if beyond else FORGOTTEN_SECONDS):
                yield path


def _touch(path: Path) -> None:
    """Notes that it was asked for."""
    try:
        os.utime(path)
    except OSError:  # in a store of somebody else's
        pass


def _last_use(path: Path) -> float:
    try:
        return path.lstat().st_mtime if path.is_symlink() else path.stat().st_mtime
    except OSError:  # another process was quicker
        return time.time()
