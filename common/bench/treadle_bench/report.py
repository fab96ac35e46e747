"""What is printed: the table with ratios first, what failed, and the gates."""

from __future__ import annotations

import os
import shutil
import sys

from treadle_tools import terminal

from .gates import Verdict, sentence
from .results import Results
from .rows import Row
from .stats import Spread
from .table import Column, Line, draw, number, short
from .workloads import Workload

LEGEND = """\
Each cell: the ratio, the median, and min..max of {repetitions} interleaved repetitions.
Ratio: times cheaper than Asio in the same repetition (more is better); for echo and hops: times as dear as
raw epoll and eventfd, for file: as nginx (less is better). Time is CPU time, for posts and hops wall time.
Empty: the row has no such workload."""


def bold(text: str) -> str:
    """Only where somebody looks at it."""
    return f"\x1b[1m{text}\x1b[0m" if terminal.colours() else text


def cell(cost: Spread, ratio: Spread | None, scale: float) -> list[str]:
    low, high = short(cost.low / scale), short(cost.high / scale)
    first = bold(f"{short_ratio(ratio.median)}x") if ratio else "-"
    return [first, number(cost.median / scale), low if low == high else f"{low}..{high}"]


def short_ratio(value: float) -> str:
    return f"{value:.2f}" if value < 3 else short(value)


def cells_of(results: Results, row: Row) -> dict[str, list[str]]:
    cells: dict[str, list[str]] = {}
    for workload in results.workloads:
        if (row.name, workload.column) in results.failures:
            cells[workload.column] = ["failed"]
            continue
        cost = results.cost(row.name, workload.column)
        if cost is not None:
            cells[workload.column] = cell(cost, results.ratio(row.name, workload), workload.scale)
    return cells


def width() -> int:
    """The window's width; where nobody looks, wide enough for everything."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else 200


def print_table(results: Results, repetitions: int) -> None:
    lines = [Line(row.name, cells_of(results, row)) for row in results.rows]
    columns = [Column(w.column, w.unit) for w in results.workloads if any(w.column in line.cells for line in lines)]
    print(draw(columns, [line for line in lines if line.cells], width()))
    print()
    print(LEGEND.format(repetitions=repetitions))


def print_counts(counts: dict[tuple[str, str], float], rows: list[Row], workloads: list[Workload]) -> None:
    lines = [
        Line(row.name, {w.column: [number(counts[row.name, w.column])] for w in workloads if (row.name, w.column) in counts})
        for row in rows
    ]
    columns = [Column(w.column, "instr/op") for w in workloads if any(w.column in line.cells for line in lines)]
    print(draw(columns, [line for line in lines if line.cells], width()))


def print_verdicts(verdicts: list[Verdict], workloads: list[Workload]) -> None:
    measured = [verdict for verdict in verdicts if verdict.value is not None]
    if not measured:
        return
    print("\nExpected (gates.txt):")
    for verdict in measured:
        print("  " + sentence(verdict, {workload.column: workload for workload in workloads}))


def print_failures(failures: dict[tuple[str, str], str]) -> None:
    for (row, column), reason in failures.items():
        print(f"bench: {row} {column} failed: {reason}", file=sys.stderr)
