"""Remember results that were good, for as long as nothing in the tree changes.

The tools' own tests and the exercise checks take longer than all the rest together, and they depend on nothing but the
tree, the compiler and the Python that runs them. So a good result is kept under a key made of all of these, and said
again, as such, while the key is the same. A bad result is never kept. FRESH=1 forgets.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from test_runner.catch_report import Case
from treadle_tools import build_folder

LEFT_OUT = {"build", "work", ".git", "node_modules", "__pycache__", ".cache"}


def _files(folder: Path, top: bool = True) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.name in LEFT_OUT and (entry.name not in ("build", "work") or top):
            continue
        if entry.is_dir(follow_symlinks=False) and Path(entry.path) != build_folder.of():
            yield from _files(Path(entry.path), False)
        elif entry.is_file():
            yield Path(entry.path)


def key(root: Path, *more: str) -> str:
    """A digest of every file of the tree that is not generated, and of what else matters."""
    digest = hashlib.sha256("\0".join([sys.version, *more]).encode())
    for path in _files(root):
        digest.update(f"{path.relative_to(root)}\0{os.access(path, os.X_OK)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class Memory:
    """The kept results, one file for each name."""

    def __init__(self, folder: Path, now: str) -> None:
        self._folder = folder
        self._now = now
        self.reused: set[str] = set()

    def recall(self, name: str, run: Callable[[], list[Case]]) -> list[Case]:
        """The kept result of `name`, or what `run` gives, which is kept if it is good."""
        path = self._folder / f"{name}.json"
        kept = self._read(path)
        if kept and os.environ.get("FRESH", "0") in ("", "0"):
            self.reused.add(name)
            return kept
        cases = run()
        path.unlink(missing_ok=True)
        if cases and all(case.passed for case in cases):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"key": self._now, "cases": [case.name for case in cases]}))
        return cases

    def _read(self, path: Path) -> list[Case]:
        try:
            data = json.loads(path.read_text())
            return [Case(name, True) for name in data["cases"]] if data["key"] == self._now else []
        except (OSError, ValueError, KeyError, TypeError):
            return []
