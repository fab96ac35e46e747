"""A board of progress: one row a stage, with a bar and what runs now.

On a terminal the rows are redrawn in place. Elsewhere (a log, a pipe) each change of state is one plain line, and a
row that works long says so now and then, so that nobody takes patience for a hang.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from treadle_tools import terminal

BAR = 16
FRAME_SECONDS = 0.1
PATIENCE_SECONDS = 10.0


@dataclass
class Row:
    label: str
    done: int = 0
    total: int = 0
    now: str = ""
    state: str = "waiting"
    said: float = 0.0  # when its last plain line was printed


class Board:
    """Rows by label. Any thread may update one."""

    def __init__(self, labels: Sequence[str], stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._rows = {label: Row(label) for label in labels}
        self._lock = threading.Lock()
        self._drawn = 0
        self._last_frame = 0.0
        self._begun = time.monotonic()
        size = shutil.get_terminal_size((100, 24))
        self._columns = size.columns
        fits = len(self._rows) + 2 < size.lines
        self._live = terminal.moves(self._stream) and fits
        self._colour = self._live and terminal.colours(self._stream)

    def update(self, label: str, state: str | None = None, now: str | None = None,
               done: int | None = None, total: int | None = None) -> None:
        """Change a row; what is None stays."""
        with self._lock:
            row = self._rows[label]
            changed = state is not None and state != row.state
            row.state = row.state if state is None else state
            row.now = row.now if now is None else now
            row.done = row.done if done is None else done
            row.total = row.total if total is None else total
            self._show(row, changed)

    def close(self) -> None:
        """Draw the last state; what follows is printed below."""
        with self._lock:
            if self._live:
                self._draw()
            self._stream.flush()

    def _show(self, row: Row, changed: bool) -> None:
        clock = time.monotonic()
        if self._live:
            if changed or clock - self._last_frame > FRAME_SECONDS:
                self._draw()
                self._last_frame = clock
        elif changed or clock - max(row.said, self._begun) > PATIENCE_SECONDS:
            row.said = clock
            print(self._plain(row), file=self._stream, flush=True)

    def _plain(self, row: Row) -> str:
        steps = f" {row.done}/{row.total}" if row.total and row.done < row.total else ""
        now = f": {row.now}" if row.now else ""
        return f"{row.label:<{self._label_width()}}  {row.state}{steps}{now}"

    def _draw(self) -> None:
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = [f"\x1b[2K{self._line(row)}\n" for row in self._rows.values()]
        self._stream.write(up + "".join(lines))
        self._stream.flush()
        self._drawn = len(lines)

    def _line(self, row: Row) -> str:
        share = row.done / row.total if row.total else 0.0
        filled = round(BAR * min(share, 1.0))
        head = f"{row.label:<{self._label_width()}}  "
        text = f"  {row.state}{': ' if row.now else ''}{row.now}"
        room = max(self._columns - len(head) - BAR - 3, 10)
        bar = "█" * filled + "░" * (BAR - filled)
        return head + self._paint(bar, row) + self._paint(text[:room], row)

    def _paint(self, text: str, row: Row) -> str:
        if not self._colour:
            return text
        code = "31" if " failed" in row.state else ""
        code = code or ("32" if "passed" in row.state else "2" if row.state == "waiting" else "")
        return f"\x1b[{code}m{text}\x1b[0m" if code else text

    def _label_width(self) -> int:
        return max(len(label) for label in self._rows)
