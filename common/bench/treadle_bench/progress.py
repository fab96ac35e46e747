"""Says what is being measured: one line that changes on a terminal, one line a repetition elsewhere."""

from __future__ import annotations

import sys

from treadle_tools import terminal


class Progress:
    """Counts steps on stderr, so that stdout holds the table alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._live = terminal.moves(sys.stderr)

    def step(self, what: str) -> None:
        self._done += 1
        if self._live:
            print(f"\r\x1b[K[{self._done}/{self._total}] {what}", end="", file=sys.stderr, flush=True)

    def section(self, what: str) -> None:
        if not self._live:
            print(f"bench: {what}", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
