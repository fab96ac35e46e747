"""What of a stage a test can reach. This is the only place that asks test_runner/reach.py.

That module asks ctags for the names which the sources define. Without ctags a test counts as reaching the whole stage:
more runs, the same verdicts.
"""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from test_runner.reach import Reach
from treadle_tools.stages import Stage


class Reached:
    """The tests of a tree, each with what it reaches in each stage."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._stages: dict[Path, Reach | Whole] = {}
        self._key = cache(lambda stage, test: self._of(stage).key(self._root / "tests" / test))
        self._files = cache(lambda stage, test: self._of(stage).files(self._root / "tests" / test))

    def key(self, stage: Stage, test: str) -> str:
        """A digest of all that the test can reach, the test included."""
        with self._lock:
            return self._key(stage.path, test)

    def sources(self, stage: Stage, test: str) -> list[Path]:
        """The stage's and the test kit's sources that a linker can take for the test."""
        with self._lock:
            return sorted(path for path in self._files(stage.path, test) if path.suffix == ".cpp" and path.parent.name != "tests")

    def _of(self, stage: Path) -> Reach | Whole:
        if stage not in self._stages:
            reach = Reach(self._root, stage)
            self._stages[stage] = reach if _works(reach, stage) else Whole(self._root, stage)
        return self._stages[stage]


def _works(reach: Reach, stage: Path) -> bool:
    try:
        reach.files(*sorted((stage / "src").glob("*.cpp"))[:1])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return False  # ctags is missing, or is not Universal Ctags
    return True


class Whole:
    """A stage of which each test reaches everything."""

    def __init__(self, root: Path, stage: Path) -> None:
        self._stage = stage
        self._kit = root / "common/testing"

    def files(self, test: Path) -> set[Path]:
        stage = (path for part in ("include", "src") for path in (self._stage / part).rglob("*"))
        return {test, *(path for path in (*stage, *self._kit.glob("*.hpp"), *self._kit.glob("kit/*")) if path.is_file())}

    def key(self, test: Path) -> str:
        return _digest((path.name, path.read_bytes()) for path in sorted(self.files(test), key=lambda path: path.name))


def _digest(texts: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, text in texts:
        digest.update(f"\0{name}\0".encode() + hashlib.sha256(text).digest())
    return digest.hexdigest()
