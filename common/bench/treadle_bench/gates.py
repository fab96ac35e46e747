"""The expectations of gates.txt: read, held against results, said as met or missed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping

from .errors import Trouble
from .results import Results
from .rows import Row
from .table import number
from .workloads import BENCH, Workload

TABLE = BENCH / "gates.txt"
LINE = re.compile(r"(\S+)\s+(\d+)\s+(ratio|cost|instructions)(?::(\w+))?\s+(>=|<=)\s+([\d.]+)\s+(.+)")


@dataclass(frozen=True)
class Gate:
    """One expectation, for stage `first_stage` and every later one."""

    column: str
    first_stage: int
    measure: str
    sign: str
    limit: float
    why: str
    against: str | None = None  # the row that a ratio compares with, where it is not the column's own

    @property
    def is_counted(self) -> bool:
        """True where valgrind has to count for it."""
        return self.measure == "instructions"

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
            raise Trouble(f"{table.name}:{count}: say COLUMN FROM ratio[:ROW]|cost|instructions >=|<= LIMIT WHY")
        column, first, measure, against, sign, limit, why = match.groups()
        gates.append(Gate(column, int(first), measure, sign, float(limit), why, against))
    return gates


def judge(gates: list[Gate], counted: bool, rows: list[Row], find: Callable[[Row, Gate], float | None]) -> list[Verdict]:
    """Each gate, of those that speak of counted instructions or of the others, against each stage that it speaks of."""
    return [
        Verdict(gate, row, find(row, gate))
        for gate in gates
        for row in rows
        if gate.is_counted == counted and row.stage is not None and row.stage >= gate.first_stage
    ]


def judge_measured(gates: list[Gate], results: Results) -> list[Verdict]:
    columns: dict[str, Workload] = {workload.column: workload for workload in results.workloads}

    def find(row: Row, gate: Gate) -> float | None:
        if gate.column not in columns:
            return None
        if gate.measure == "cost":
            found = results.cost(row.name, gate.column)
            return found.median / columns[gate.column].scale if found else None
        found = results.ratio(row.name, columns[gate.column], gate.against)
        return found.median if found else None

    return judge(gates, False, results.rows, find)


def judge_counts(gates: list[Gate], counts: Mapping[tuple[str, str], float], rows: list[Row]) -> list[Verdict]:
    return judge(gates, True, rows, lambda row, gate: counts.get((row.name, gate.column)))


def sentence(verdict: Verdict, workloads: dict[str, Workload]) -> str:
    gate = verdict.gate
    found = "" if verdict.value is None else f": {number(verdict.value)}"
    return f"{verdict.word:12s}  {verdict.row.name} {gate.column} {expected(gate, workloads[gate.column])}{found}"


def expected(gate: Gate, workload: Workload) -> str:
    """What the gate asks for, in words."""
    limit = f"{gate.sign} {gate.limit:g}"
    if gate.measure == "instructions":
        return f"instructions {limit}"
    if gate.measure == "cost":
        return f"{limit} {workload.unit}"
    against = gate.against or workload.against
    if workload.is_served:
        return f"{limit} times {against}'s CPU"
    if workload.is_hop:
        return f"{limit} times {against}'s round trip"
    return f"{limit} times {'faster' if workload.is_wall else 'cheaper'} than {against}"


def needed(gates: list[Gate], counted: bool, workloads: list[Workload]) -> tuple[list[Workload], set[str]]:
    """The workloads that the gates speak of, and the rows that those are compared with."""
    spoken = [gate for gate in gates if gate.is_counted == counted]
    columns = {gate.column for gate in spoken}
    chosen = [workload for workload in workloads if workload.column in columns]
    own = {gate.against for gate in spoken if gate.against is not None}
    return chosen, {workload.against for workload in chosen} | own
