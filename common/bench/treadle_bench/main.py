"""The driver: choose, install, build, measure round by round, report."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path

from treadle_tools import build_folder

from . import build as builder
from . import gates as gate_table
from . import instructions, machine, options, peers, report
from .errors import Misuse, Trouble
from .gates import Verdict
from .options import Options
from .progress import Progress
from .results import Results, to_json
from .rows import Row
from .runner import Runner, allow_many_files
from .workloads import Workload


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        wanted = options.parse(arguments)
        with contextlib.nullcontext() if wanted.list else build_folder.locked("bench"):
            return run(wanted)
    except (Misuse, Trouble) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2 if isinstance(error, Misuse) else 1
    except KeyboardInterrupt:
        print("\nbench: stopped; every server and client it started is gone", file=sys.stderr)
        return 130


def run(wanted: Options) -> int:
    if wanted.list:
        print_list(wanted)
        return 0
    if wanted.check:
        wanted = narrowed_to_gates(wanted)
    require_work(wanted)
    compiler = builder.chosen_compiler()
    if wanted.instructions and not peers.require("valgrind", "valgrind"):
        raise Trouble("--instructions needs valgrind, which is not installed")
    rows = peers.available(wanted.rows, compiler)
    about = machine.describe(compiler, builder.FLAGS)
    print(f"bench: {about['compiler']}, {builder.FLAGS}; building into {build_folder.of() / 'bench'}", file=sys.stderr, flush=True)
    build = builder.build(compiler, rows, wanted.workloads)
    wanted = replace(wanted, rows=[row for row in rows if build.has(row)])
    missing = len(rows) - len(wanted.rows)
    allow_many_files()
    work = count_instructions if wanted.instructions else measure_time
    return max(work(wanted, Runner(build, peers.python_for_peers()), about), 1 if missing else 0)


def require_work(wanted: Options) -> None:
    able = instructions.can_count if wanted.instructions else Row.has
    if not any(able(row, workload) for row in wanted.rows for workload in wanted.workloads):
        raise Misuse("none of these rows has any of these workloads; `common/bench/run --list` says which has what")


def print_list(wanted: Options) -> None:
    print("workloads (--only):")
    for workload in wanted.workloads:
        print(f"  {workload.column:10s} {workload.unit:7s} from stage {workload.first_stage:02d}  {workload.title}")
    print("rows (--rows):")
    for row in wanted.rows:
        columns = " ".join(workload.column for workload in wanted.workloads if row.has(workload))
        print(f"  {row.name:16s} {columns}")


def narrowed_to_gates(wanted: Options) -> Options:
    """Only the stages that gates speak of, and what they are compared with."""
    workloads, others = gate_table.needed(gate_table.load(), wanted.instructions, wanted.workloads)
    if wanted.instructions:
        others = set()
    rows = [row for row in wanted.rows if row.stage is not None or row.name in others]
    return replace(wanted, workloads=workloads, rows=rows)


def cells(rows: list[Row], workloads: list[Workload], repetition: int) -> list[tuple[Row, Workload]]:
    """One round over everything. Each round begins with another row, so that no row always runs after the same one."""
    turn = repetition % len(rows) if rows else 0
    return [(row, w) for w in workloads for row in rows[turn:] + rows[:turn] if row.has(w)]


def measure_all(wanted: Options, runner: Runner) -> Results:
    results = Results(wanted.rows, wanted.workloads)
    progress = Progress(wanted.repetitions * len(cells(wanted.rows, wanted.workloads, 0)))
    try:
        for repetition in range(wanted.repetitions):
            progress.section(f"repetition {repetition + 1} of {wanted.repetitions}")
            for row, workload in cells(wanted.rows, wanted.workloads, repetition):
                progress.step(f"{row.name} {workload.column}")
                measure_cell(results, runner, row, workload, repetition, wanted.divisor)
    finally:
        progress.close()
    return results


def measure_cell(results: Results, runner: Runner, row: Row, workload: Workload, repetition: int, divisor: int) -> None:
    """A cell that failed once is not tried again: one reason is enough."""
    if (row.name, workload.column) in results.failures:
        return
    try:
        results.add(row, workload, repetition, runner.measure(row, workload, divisor))
    except Trouble as error:
        results.fail(row, workload, str(error))


def measure_time(wanted: Options, runner: Runner, about: dict[str, object]) -> int:
    results = measure_all(wanted, runner)
    report.print_table(results, wanted.repetitions)
    if wanted.quick:
        print("Quick: a tenth of the work. To see that it runs, not to quote.")
    verdicts = gate_table.judge_measured(gate_table.load(), results)
    data = {**about, "mode": "time", "repetitions": wanted.repetitions, "quick": wanted.quick, **to_json(results)}
    return finish(wanted, data, verdicts, results.failures)


def count_instructions(wanted: Options, runner: Runner, about: dict[str, object]) -> int:
    counts: dict[tuple[str, str], float] = {}
    failures: dict[tuple[str, str], str] = {}
    todo = [(row, w) for w in wanted.workloads for row in wanted.rows if instructions.can_count(row, w)]
    progress = Progress(len(todo))
    for row, workload in todo:
        progress.step(f"{row.name} {workload.column}")
        try:
            counts[row.name, workload.column] = instructions.per_operation(runner, row, workload)
        except Trouble as error:
            failures[row.name, workload.column] = str(error)
    progress.close()
    report.print_counts(counts, wanted.rows, wanted.workloads)
    verdicts = gate_table.judge_counts(gate_table.load(), counts, wanted.rows)
    table = {r.name: {c: round(n, 1) for (name, c), n in counts.items() if name == r.name} for r in wanted.rows}
    return finish(wanted, {**about, "mode": "instructions", "results": table}, verdicts, failures)


def finish(wanted: Options, data: dict[str, object], verdicts: list[Verdict], failures: dict) -> int:
    """Prints the verdicts, writes the JSON, and says by the exit status whether all is well."""
    report.print_verdicts(verdicts, wanted.workloads)
    report.print_failures(failures)
    data["gates"] = [
        {"row": v.row.name, "column": v.gate.column, "measure": v.gate.measure, "limit": f"{v.gate.sign} {v.gate.limit:g}",
         "found": v.value, "verdict": v.word}
        for v in verdicts
    ]
    write_json(wanted.json, data)
    columns = {workload.column for workload in wanted.workloads}
    missed = wanted.check and any(v.word != "met" for v in verdicts if v.gate.column in columns)
    return 1 if failures or missed else 0


def write_json(path: Path, data: dict[str, object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n")
    except OSError as error:
        raise Trouble(f"the results cannot be written: {error}") from None
    print(f"\nAll samples: {path}")
