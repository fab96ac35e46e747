#!/usr/bin/env python3
"""`make mutants`: break the stages on purpose, in listed ways, and demand that a named test notices each.

A test that cannot fail is a defect, and this is how we know. For each mutant of mutants.toml the named test case must
pass on the stage as it is, and fail, crash or hang on the stage with the mutant in it. A mutant that does not compile
is a fault of the list, not a success of the test.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutation.listing import ListError, Mutant, read
from mutation.workshop import CompileError, Outcome, Workshop
from test_runner import build
from treadle_tools import cli, stages

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Verdict:
    """caught, survived, or wrong (the list or the test is at fault), and why."""

    mutant: Mutant
    word: str
    detail: str


def judge(workshop: Workshop, mutant: Mutant, root: Path) -> Verdict:
    """Try one mutant."""
    try:
        stage = stages.find(mutant.stage, root).path
        _check_files(mutant, stage, root)
        mutant.apply((stage / mutant.file).read_text())
        whole = workshop.try_whole(stage, mutant)
    except (ListError, stages.UnknownStage) as error:
        return Verdict(mutant, "wrong", str(error))
    except CompileError as error:
        return Verdict(mutant, "wrong", f"the unbroken stage does not compile with {mutant.test}:\n{error}")
    if whole.status == "missing":
        return Verdict(mutant, "wrong", f"{mutant.test} has no test case called `{mutant.case}`")
    if whole.caught:
        return Verdict(mutant, "wrong", f"the test case fails without the mutant too: {whole.reason}")
    try:
        return _verdict(mutant, workshop.try_broken(stage, mutant))
    except CompileError as error:
        return Verdict(mutant, "wrong", f"with the mutant the stage does not compile:\n{error}")


def _verdict(mutant: Mutant, broken: Outcome) -> Verdict:
    if not broken.caught:
        return Verdict(mutant, "survived", f"`{mutant.case}` does not notice it")
    if mutant.status and broken.status != mutant.status:
        return Verdict(mutant, "wrong", f"it was caught as {broken.status}, the list demands {mutant.status}")
    return Verdict(mutant, "caught", f"{broken.status}: {broken.reason}")


def _check_files(mutant: Mutant, stage: Path, root: Path) -> None:
    for path in (stage / mutant.file, root / "tests" / mutant.test):
        if not path.is_file():
            raise ListError(f"{mutant.name}: there is no {path.relative_to(root)}")


def line(verdict: Verdict, width: int) -> str:
    """One row of the table: mutant, stage, verdict, test case; trouble is told below it."""
    mutant = verdict.mutant
    head = f"{mutant.name:<{width}}  {mutant.stage}  {verdict.word:<8}  "
    if verdict.word == "caught":
        return head + f"{verdict.detail.split(':', 1)[0]:<5}  {mutant.case}"
    return head + "\n    " + verdict.detail.replace("\n", "\n    ")


def run_all(mutants: Sequence[Mutant], workshop: Workshop, root: Path, jobs: int) -> list[Verdict]:
    """Try them side by side; print each row as soon as it is known, in the order of the list."""
    width = max(len(mutant.name) for mutant in mutants)
    verdicts = []
    with ThreadPoolExecutor(jobs) as pool:
        for verdict in pool.map(lambda m: judge(workshop, m, root), mutants):
            print(line(verdict, width), flush=True)
            verdicts.append(verdict)
    return verdicts


def choose(mutants: Sequence[Mutant], name: str, stage: str, root: Path) -> list[Mutant]:
    """Those that were asked for; ListError where there is none such."""
    number = stages.find(stage, root).number if stage else ""
    chosen = [m for m in mutants if name in ("", m.name) and number in ("", m.stage)]
    if not chosen and name:
        raise ListError(f"There is no mutant called {name}{' in stage ' + number if number else ''}; write "
                        f"NAME= with one of {', '.join(dict.fromkeys(m.name for m in mutants))}.")
    return chosen


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    env = os.environ
    parser = argparse.ArgumentParser(description="Break the stages on purpose and see the tests notice.")
    parser.add_argument("--only", default=env.get("NAME", ""), metavar="NAME", help="this mutant only")
    parser.add_argument("--stage", default=env.get("CH", ""), metavar="03", help="this stage only")
    parser.add_argument("--list", type=Path, default=ROOT / "common/tools/mutants.toml", help="the list to read")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=int(env.get("JOBS") or 2), help="how many at once (2)")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds that a test case may take (20)")
    return parser.parse_args(argv)


def report(verdicts: Sequence[Verdict]) -> int:
    count = {word: sum(v.word == word for v in verdicts) for word in ("caught", "survived", "wrong")}
    print(f"\n{count['caught']} caught, {count['survived']} survived, {count['wrong']} wrong in the list")
    return 0 if count["caught"] and not count["survived"] and not count["wrong"] else 1


def main(argv: Sequence[str]) -> int:
    options = parse_options(argv)
    try:
        mutants = choose(read(options.list), options.only, options.stage, options.root)
        compiler = build.chosen_compiler(ROOT)
    except (ListError, stages.UnknownStage, build.BuildError) as error:
        print(error, file=sys.stderr)
        return 2
    if not mutants:
        print("There is no mutant to try.", file=sys.stderr)
        return 1
    workshop = Workshop(options.root, options.root / "build/mutants", compiler, options.time_limit)
    return report(run_all(mutants, workshop, options.root, options.jobs))


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
