"""The expectations of gates.txt: read, held against results, said as met or missed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .errors import Trouble
from .results import Results
from .rows import Row
from .table import number
from .workloads import BENCH, Workload

TABLE = BENCH / "gates.txt"
LINE = re.compile(r"(\S+)\s+(\d+)\s+(ratio|instructions)\s+(>=|<=)\s+([\d.]+)\s+(.+)")


@dataclass(frozen=True)
class Gate:
    """One expectation, for stage `first_stage` and every later one."""

    column: str
    first_stage: int
    measure: str
    sign: str
    limit: float
    why: str

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.sign == ">=" else value <= self.limit


@dataclass(frozen=True)
class Verdict:
    """A gate, the row it was held against, and the median found (None: not measured)."""

    gate: Gate
    row: Row
    value: float | None

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if self.gate.holds(self.value) else "MISSED"


def load(table: Path = TABLE) -> list[Gate]:
    gates = []
    for count, line in enumerate(table.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise Trouble(f"{table.name}:{count}: say COLUMN FROM ratio|instructions >=|<= LIMIT WHY")
        column, first, measure, sign, limit, why = match.groups()
        gates.append(Gate(column, int(first), measure, sign, float(limit), why))
    return gates


def judge(gates: list[Gate], measure: str, rows: list[Row], find: Callable[[Row, str], float | None]) -> list[Verdict]:
    """Each gate of that measure against each stage that it speaks of."""
    return [
        Verdict(gate, row, find(row, gate.column))
        for gate in gates
        for row in rows
        if gate.measure == measure and row.stage is not None and row.stage >= gate.first_stage
    ]


def judge_ratios(gates: list[Gate], results: Results) -> list[Verdict]:
    columns: dict[str, Workload] = {workload.column: workload for workload in results.workloads}

    def find(row: Row, column: str) -> float | None:
        found = results.ratio(row.name, columns[column]) if column in columns else None
        return found.median if found else None

    return judge(gates, "ratio", results.rows, find)


def sentence(verdict: Verdict, workloads: dict[str, Workload]) -> str:
    gate = verdict.gate
    against = workloads[gate.column].against
    what = f"instructions {gate.sign} {gate.limit:g}"
    if gate.measure == "ratio":
        kind = f"times {against}'s CPU" if workloads[gate.column].is_echo else f"times cheaper than {against}"
        what = f"{gate.sign} {gate.limit:g} {kind}"
    found = "" if verdict.value is None else f": {number(verdict.value)}"
    return f"{verdict.word:12s}  {verdict.row.name} {gate.column} {what}{found}"


def needed(gates: list[Gate], measure: str, workloads: list[Workload]) -> tuple[list[Workload], set[str]]:
    """The workloads that the gates speak of, and the rows that those are compared with."""
    columns = {gate.column for gate in gates if gate.measure == measure}
    chosen = [workload for workload in workloads if workload.column in columns]
    return chosen, {workload.against for workload in chosen}
