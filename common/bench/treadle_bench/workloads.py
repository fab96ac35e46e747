"""The columns of the table, read from workloads.txt: the one place that knows which workloads there are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import Trouble

BENCH = Path(__file__).resolve().parent.parent
TABLE = BENCH / "workloads.txt"
SERVED = re.compile(r"(?:echo|file):(\d+)/(\d+)")
WALL = re.compile(r"(?:wall|hop):([1-9]\d*)")


@dataclass(frozen=True)
class Workload:
    """One column: what is run, what is measured, and whom it is compared with."""

    column: str
    file: str
    first_stage: int
    kind: str
    against: str
    amount: int
    title: str

    @property
    def is_served(self) -> bool:
        """Whether a server's CPU time per request counts."""
        return SERVED.fullmatch(self.kind) is not None

    @property
    def is_file(self) -> bool:
        """Whether the servers are programs of their own that send a file: the stages' book_server, and nginx."""
        return self.kind.startswith("file:")

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections there are, and how many of them are busy."""
        match = SERVED.fullmatch(self.kind)
        if match is None:
            raise ValueError(f"{self.column} has no connections")
        return int(match[1]), int(match[2])

    @property
    def is_hop(self) -> bool:
        return self.kind.startswith("hop:")

    @property
    def is_wall(self) -> bool:
        """True where the time that passes counts, and not the processor's."""
        return WALL.fullmatch(self.kind) is not None

    @property
    def is_dearness(self) -> bool:
        """True where the ratio says how many times as dear a row is, and less is better."""
        return self.is_served or self.is_hop

    @property
    def parameters(self) -> list[str]:
        """What the program is told beside its amount: how many threads, or how many cores."""
        match = WALL.fullmatch(self.kind)
        return [match[1]] if match else []

    @property
    def unit(self) -> str:
        if self.is_served:
            return "us/req"
        if self.is_hop:
            return "us"
        return "bytes" if self.kind == "memory" else "ns"

    @property
    def scale(self) -> float:
        """From what is measured (ns, bytes) to what is printed."""
        return 1000.0 if self.is_dearness else 1.0


def parse_line(line: str, where: str) -> Workload:
    """One line of the table, or Trouble that says what is wrong with it."""
    words = line.split(None, 6)
    if len(words) != 7:
        raise Trouble(f"{where}: seven fields are needed: COLUMN FILE FROM KIND AGAINST AMOUNT TITLE")
    column, file, first, kind, against, amount, title = words
    if kind not in ("cpu", "memory") and not SERVED.fullmatch(kind) and not WALL.fullmatch(kind):
        raise Trouble(f"{where}: KIND is {kind!r}; it can be cpu, memory, wall:THREADS, hop:CORES, or echo or file:CONNECTIONS/BUSY")
    if not first.isdigit() or not amount.isdigit():
        raise Trouble(f"{where}: FROM and AMOUNT are numbers")
    return Workload(column, file, int(first), kind, against, int(amount), title)


def load(table: Path = TABLE) -> list[Workload]:
    """All columns in the order of the table."""
    found = []
    for number, line in enumerate(table.read_text().splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            found.append(parse_line(line, f"{table.name}:{number}"))
    columns = [workload.column for workload in found]
    for column in columns:
        if columns.count(column) > 1:
            raise Trouble(f"{table.name}: the column {column} is there twice")
    return found
