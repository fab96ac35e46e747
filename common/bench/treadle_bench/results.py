"""All samples of one run of the driver, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from .rows import Row
from .runner import Sample
from .stats import Spread, ratios, spread
from .workloads import Workload

Cell = tuple[str, str]


@dataclass
class Results:
    """Samples by row, column and number of the repetition; and what failed, with its reason."""

    rows: list[Row]
    workloads: list[Workload]
    samples: dict[Cell, dict[int, Sample]] = field(default_factory=dict)
    failures: dict[Cell, str] = field(default_factory=dict)

    def add(self, row: Row, workload: Workload, repetition: int, sample: Sample) -> None:
        self.samples.setdefault((row.name, workload.column), {})[repetition] = sample

    def fail(self, row: Row, workload: Workload, reason: str) -> None:
        self.failures[(row.name, workload.column)] = reason

    def values(self, row: str, column: str) -> dict[int, float]:
        return {i: sample.value for i, sample in self.samples.get((row, column), {}).items()}

    def cost(self, row: str, column: str) -> Spread | None:
        values = self.values(row, column)
        return spread(values.values()) if values else None

    def ratio(self, row: str, workload: Workload, against: str | None = None) -> Spread | None:
        """How the row compares: times cheaper than Asio, or for echo and hops, times as dear as the raw calls."""
        other = self.values(against or workload.against, workload.column)
        own = self.values(row, workload.column)
        found = ratios(own, other) if workload.is_dearness else ratios(other, own)
        return spread(found) if found else None


def spread_to_json(value: Spread | None) -> dict[str, float] | None:
    if value is None:
        return None
    return {"median": round(value.median, 4), "min": round(value.low, 4), "max": round(value.high, 4)}


def cell_to_json(results: Results, row: Row, workload: Workload) -> dict[str, object] | None:
    key = (row.name, workload.column)
    if key in results.failures:
        return {"failed": results.failures[key]}
    if key not in results.samples:
        return None
    return {
        "cost": spread_to_json(results.cost(*key)),
        "ratio": spread_to_json(results.ratio(row.name, workload)),
        "samples": [sample.raw for _, sample in sorted(results.samples[key].items())],
    }


def to_json(results: Results) -> dict[str, object]:
    """The table as data. `cost` is in ns (bytes for memory) per operation, also for echo and hops."""
    columns = {
        w.column: {"title": w.title, "kind": w.kind, "against": w.against, "from": w.first_stage}
        for w in results.workloads
    }
    cells = {}
    for row in results.rows:
        of_row = {w.column: cell_to_json(results, row, w) for w in results.workloads}
        cells[row.name] = {column: cell for column, cell in of_row.items() if cell is not None}
    rows = {row.name: {"title": row.title, "stage": row.stage} for row in results.rows}
    return {"workloads": columns, "rows": rows, "results": cells}
