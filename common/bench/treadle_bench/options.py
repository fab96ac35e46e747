"""The command line, with errors that say the right form."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from treadle_tools import build_folder

from . import rows as row_table
from . import workloads as workload_table
from .errors import Misuse
from .rows import ROOT, Row
from .workloads import Workload

RESULTS = build_folder.of(ROOT) / "bench"
REPETITIONS = 5
QUICK_REPETITIONS = 3
QUICK_DIVISOR = 10


@dataclass(frozen=True)
class Options:
    """What was asked for, checked."""

    rows: list[Row]
    workloads: list[Workload]
    repetitions: int
    divisor: int
    json: Path
    instructions: bool
    check: bool
    list: bool

    @property
    def quick(self) -> bool:
        return self.divisor > 1


class Parser(argparse.ArgumentParser):
    """argparse, but an error is one sentence and no page of usage."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise Misuse(f"{message}; `common/bench/run --help` lists the options")


def parser() -> Parser:
    made = Parser(
        prog="common/bench/run",
        allow_abbrev=False,
        description="Measures every stage and its peers, interleaved, and prints one table.",
        epilog="Environment: CXX=g++ chooses the compiler of stages and peers; QUICK=1 is --quick; NO_INSTALL=1 installs nothing and "
        "leaves out the peers that are missing. What each figure means: common/bench/README.md.",
    )
    add = made.add_argument
    add("--reps", metavar="N", help=f"repetitions, each one run of everything (default {REPETITIONS})")
    add("--only", metavar="COLUMNS", help="these workloads, separated by commas: --only switch,echo50")
    add("--rows", metavar="ROWS", help="these rows, separated by commas: --rows 03,asio; `stages`, `peers` are all of them")
    add("--quick", action="store_true", help="a tenth of the work and 3 repetitions: to see that it runs, not to quote")
    add("--instructions", action="store_true", help="count instructions per operation with valgrind instead of time")
    add("--json", metavar="FILE", type=Path, help="where the results go as JSON (default build/bench/results.json, "
        "or partial.json beside it for less than the whole table)")
    add("--check", action="store_true", help="measure only what gates.txt speaks of, and exit 1 where it is missed")
    add("--list", action="store_true", help="say which workloads and rows there are, and measure nothing")
    return made


def repetitions(text: str | None, quick: bool) -> int:
    if text is None:
        return QUICK_REPETITIONS if quick else REPETITIONS
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise Misuse(f"--reps {text} is no number of repetitions: say --reps N with N from 1 to 1000")
    return int(text)


def words_of(text: str, option: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise Misuse(f"{option} needs at least one name; several are separated by commas")
    return words


def chosen_workloads(text: str | None, known: list[Workload]) -> list[Workload]:
    """The workloads named in `text`, in the order of the table; all where nothing is named."""
    if text is None:
        return known
    words = words_of(text, "--only")
    columns = [workload.column for workload in known]
    for word in words:
        if word not in columns:
            raise Misuse(f"--only {word}: there is no such workload; there are {', '.join(columns)}")
    return [workload for workload in known if workload.column in words]


def chosen_rows(text: str | None, known: list[Row]) -> list[Row]:
    """The rows named in `text`, in the order of the table; all where nothing is named."""
    if text is None:
        return known
    words = words_of(text, "--rows")
    for word in words:
        if not any(row_table.matches(row, word) for row in known):
            names = ", ".join(row.name for row in known)
            raise Misuse(f"--rows {word}: there is no such row; there are stages, peers, {names}")
    return [row for row in known if any(row_table.matches(row, word) for word in words)]


def default_file(given: argparse.Namespace, quick: bool) -> Path:
    """results.json is the whole table and nothing less: a quick look or a selection never overwrites it."""
    if given.instructions:
        return RESULTS / "instructions.json"
    whole = not (quick or given.only or given.rows or given.check)
    return RESULTS / ("results.json" if whole else "partial.json")


def parse(arguments: list[str]) -> Options:
    """The options, or Misuse with a sentence that says what is wrong."""
    given = parser().parse_args(arguments)
    if given.json is not None and given.json.is_dir():
        raise Misuse(f"--json {given.json} is a directory: say the name of a file")
    quick = given.quick or os.environ.get("QUICK") == "1"
    return Options(
        rows=chosen_rows(given.rows, row_table.all_rows()),
        workloads=chosen_workloads(given.only, workload_table.load()),
        repetitions=repetitions(given.reps, quick),
        divisor=QUICK_DIVISOR if quick else 1,
        json=given.json or default_file(given, quick),
        instructions=given.instructions,
        check=given.check,
        list=given.list,
    )
