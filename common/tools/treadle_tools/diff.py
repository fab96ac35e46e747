"""What differs between two stages, line by line.

Git does the comparing, so that the checker, the growth table and the printed diff all speak of the same hunks.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .stages import Stage

RUNTIME = ("include", "src")  # what a chapter teaches
PROGRAMS = ("examples",)
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_GIT_DIFF = ["git", "-c", "core.safecrlf=false", "diff", "--no-index", "--no-ext-diff", "--no-textconv", "--histogram"]


@dataclass(frozen=True)
class Hunk:
    """Lines are counted from 1. A side without lines has count 0, and `first` is the line before the gap."""

    old_first: int
    old_count: int
    new_first: int
    new_count: int

    @property
    def old_lines(self) -> range:
        return range(self.old_first, self.old_first + self.old_count)

    @property
    def new_lines(self) -> range:
        return range(self.new_first, self.new_first + self.new_count)

    @property
    def line(self) -> int:
        """Where to look in the new file."""
        return max(1, self.new_first)


def files(stage: Stage, folders: tuple[str, ...] = RUNTIME) -> dict[str, str]:
    """The text of every source of a stage under `folders`, by its path in the stage."""
    found = {}
    for folder in folders:
        for path in sorted(stage.file(folder).rglob("*")):
            if path.is_file() and not path.name.startswith(".") and not path.name.endswith(("~", ".orig", ".rej")):
                found[path.relative_to(stage.path).as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    return found


@lru_cache(maxsize=4096)
def hunks(old: str, new: str) -> tuple[Hunk, ...]:
    """The hunks that turn `old` into `new`, without context."""
    if old == new:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "old"), Path(folder, "new")
        before.write_text(old, encoding="utf-8")
        after.write_text(new, encoding="utf-8")
        command = [*_GIT_DIFF, "--no-color", "--unified=0", str(before), str(after)]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return tuple(_hunk(match) for match in _HUNK.finditer(output))


def _hunk(match: re.Match[str]) -> Hunk:
    old_first, old_count, new_first, new_count = match.groups()
    return Hunk(int(old_first), int(old_count or 1), int(new_first), int(new_count or 1))
