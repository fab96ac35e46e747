#!/usr/bin/env python3
"""`make mutants`: break the stages on purpose, in listed ways, and demand that a named test notices each.

A test that cannot fail is a defect, and this is how we know. For each mutant of mutants.toml the named test case must
pass on the stage as it is, and fail, crash or hang on the stage with the mutant in it. A mutant that does not compile
is a fault of the list, not a success of the test.

A mutant runs in the stage that last changed the mutated file, and in the newest stage: mutation/selection.py. With a
commit's hash in TREADLE_DRAW, as in CI, it runs in one of the two, which the hash chooses.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mutation.listing import ListError, Mutant, read
from mutation.objects import CompileError, Compiler, Store
from mutation.reached import Reached
from mutation.selection import Selection, replacements, select
from mutation.trials import Outcome, Trials
from test_runner import build, selection
from treadle_tools import build_folder, cli, stages
from treadle_tools.stages import Stage

ROOT = Path(__file__).resolve().parents[2]
# A mutant waits for its objects more than it works, and all that wait are needed to keep the compilers busy.
MUTANTS_PER_JOB = 4


@dataclass(frozen=True)
class Run:
    """One mutant in one stage."""

    mutant: Mutant
    stage: Stage


@dataclass(frozen=True)
class Verdict:
    """caught, survived, or wrong (the list or the test is at fault), and why."""

    mutant: Mutant
    stage: str  # "03"
    word: str
    detail: str


# --- What runs ---


def select_all(mutants: Sequence[Mutant], root: Path, reached: Reached) -> tuple[list[Selection], list[Verdict]]:
    """The stages of each mutant, and a verdict about each that does not fit the tree."""
    all_stages, replaced = stages.stages(root), replacements(mutants)
    chosen: list[Selection] = []
    wrong: list[Verdict] = []
    for mutant in mutants:
        try:
            if not (root / "tests" / mutant.test).is_file():
                raise ListError(f"{mutant.name}: there is no tests/{mutant.test}")
            chosen.append(select(mutant, all_stages, reached.key, replaced.get(mutant, "")))
        except ListError as error:
            wrong.append(Verdict(mutant, mutant.stage, "wrong", str(error)))
    return chosen, wrong


def runs_of(selections: Sequence[Selection], number: str = "") -> list[Run]:
    """All runs, or those in the stage with this number; ListError if the mutants run, but in other stages."""
    runs = [Run(each.mutant, stage) for each in selections for stage in each.runs if number in ("", stage.number)]
    if selections and not runs:
        others = sorted({stage.number for each in selections for stage in each.runs})
        raise ListError(f"No mutant runs in stage {number}. Write CH= with one of {', '.join(others)}.")
    return runs


def drawn(runs: Sequence[Run], draw: str) -> list[Run]:
    """Of each mutant's runs the one that `draw` chooses; all if it is empty."""
    if not draw:
        return list(runs)
    of_mutant: dict[Mutant, list[Run]] = {}
    for each in runs:
        of_mutant.setdefault(each.mutant, []).append(each)
    return [selection.drawn(several, draw, mutant.name) for mutant, several in of_mutant.items()]


def named(mutants: Sequence[Mutant], name: str) -> list[Mutant]:
    """Those with this name, all if it is empty; ListError if there is none."""
    chosen = [mutant for mutant in mutants if name in ("", mutant.name)]
    if not chosen and name:
        raise ListError(f"There is no mutant called {name}; write NAME= with one of "
                        f"{', '.join(dict.fromkeys(mutant.name for mutant in mutants))}.")
    return chosen


# --- Verdicts ---


def judge(trials: Trials, run: Run) -> Verdict:
    """Try one mutant in one stage."""
    mutant, number = run.mutant, run.stage.number
    try:
        whole = trials.unbroken(run.stage, mutant.test).outcomes[mutant.case]
    except CompileError as error:
        return Verdict(mutant, number, "wrong", f"the unbroken stage does not compile with {mutant.test}:\n{error}")
    if whole.status == "missing":
        return Verdict(mutant, number, "wrong", f"{mutant.test} has no test case called `{mutant.case}`")
    if whole.caught:
        return Verdict(mutant, number, "wrong", f"the test case fails without the mutant too: {whole.reason}")
    try:
        return _verdict(run, trials.broken(run.stage, mutant))
    except CompileError as error:
        return Verdict(mutant, number, "wrong", f"with the mutant the stage does not compile:\n{error}")


def _verdict(run: Run, broken: Outcome) -> Verdict:
    mutant, number = run.mutant, run.stage.number
    if not broken.caught:
        return Verdict(mutant, number, "survived", f"`{mutant.case}` does not notice it")
    if mutant.status and broken.status != mutant.status:
        return Verdict(mutant, number, "wrong", f"it was caught as {broken.status}, the list demands {mutant.status}")
    return Verdict(mutant, number, "caught", f"{broken.status}: {broken.reason}")


def judge_all(runs: Sequence[Run], trials: Trials, jobs: int) -> Iterator[Verdict]:
    """Try them side by side; give each verdict as soon as it is known, in the order of the runs."""
    with ThreadPoolExecutor(jobs * MUTANTS_PER_JOB) as pool:
        yield from pool.map(lambda run: judge(trials, run), runs)


# --- The report ---


def line(verdict: Verdict, width: int) -> str:
    """One row of the table: mutant, stage, verdict, test case. What is wrong is in the lines below it."""
    head = f"{verdict.mutant.name:<{width}}  {verdict.stage}  {verdict.word:<8}  "
    if verdict.word == "caught":
        return head + f"{verdict.detail.split(':', 1)[0]:<5}  {verdict.mutant.case}"
    return head + "\n    " + verdict.detail.replace("\n", "\n    ")


def report(verdicts: Sequence[Verdict], selections: Sequence[Selection], verbose: bool) -> int:
    """The summary, and the exit status."""
    count = {word: sum(v.word == word for v in verdicts) for word in ("caught", "survived", "wrong")}
    same = sum(each.same_in_newest for each in selections)
    old = [each for each in selections if not each.fits_newest]
    print(f"\n{len({v.mutant.name for v in verdicts})} mutants in {len(verdicts)} runs: "
          f"{count['caught']} caught, {count['survived']} survived, {count['wrong']} wrong in the list")
    if same:
        print(f"{same} not run in the newest stage: nothing that their tests can reach differs there")
    if old:
        print(f"{len(old)} no longer fit the newest stage{':' if verbose else '; --verbose names them'}")
    for each in old if verbose else []:
        print(f"  {each.mutant.name}: last in stage {each.applies[-1].number}, {each.mutant.file}")
    return 0 if count["caught"] and not count["survived"] and not count["wrong"] else 1


def print_plan(runs: Sequence[Run]) -> None:
    """Which mutant runs in which stage, without running any."""
    for run in runs:
        print(f"{run.stage.number}  {run.mutant.name}  ({run.mutant.file}, {run.mutant.test})")
    print(f"\n{len(runs)} runs")


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    env = os.environ
    parser = argparse.ArgumentParser(description="Break the stages on purpose and see the tests notice.")
    parser.add_argument("--only", default=env.get("NAME", ""), metavar="NAME", help="this mutant only")
    parser.add_argument("--stage", default=env.get("CH", ""), metavar="03", help="only the runs in this stage")
    parser.add_argument("--draw", default=env.get("TREADLE_DRAW", ""), metavar="COMMIT",
                        help="run each mutant in one of its stages, chosen by this hash")
    parser.add_argument("--plan", action="store_true", help="print which mutant runs in which stage, and run none")
    parser.add_argument("--verbose", action="store_true", help="also name the mutants that no longer fit the newest stage")
    parser.add_argument("--list", type=Path, default=ROOT / "common/tools/mutants.toml", help="the list to read")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=int(env.get("JOBS") or 2), help="how many at once (2)")
    parser.add_argument("--time-limit", type=float, default=3.0,
                        help="seconds after which a broken test case counts as hanging, if it is a quick one (3)")
    return parser.parse_args(argv)


def prepare(runs: Sequence[Run], reached: Reached, options: argparse.Namespace) -> Trials:
    """What builds and tries these runs, with the system's headers precompiled."""
    root = options.root
    store = Store(build_folder.of(root) / "mutants", Compiler(build.chosen_compiler().command), options.jobs)
    of_stages = (stage / part for stage in dict.fromkeys(run.stage.path for run in runs) for part in ("include", "src"))
    folders = (root / "tests", root / "common/testing", *of_stages)
    store.precompile(path for folder in folders for path in folder.rglob("*.[hc]pp"))
    return Trials(root, store, reached, [(run.stage, run.mutant) for run in runs], options.jobs, options.time_limit)


def main(argv: Sequence[str]) -> int:
    options = parse_options(argv)
    with contextlib.nullcontext() if options.plan else build_folder.locked("mutants", options.root):
        return run(options)


def run(options: argparse.Namespace) -> int:
    """Choose, try, report; the exit status."""
    reached = Reached(options.root)
    try:
        number = stages.find(options.stage, options.root).number if options.stage else ""
        selections, wrong = select_all(named(read(options.list), options.only), options.root, reached)
        wrong = [verdict for verdict in wrong if number in ("", verdict.stage)]
        runs = drawn(runs_of(selections, number), options.draw)
        if options.plan:
            print_plan(runs)
            return 0
        trials = prepare(runs, reached, options)
    except (ListError, stages.UnknownStage, build.BuildError, CompileError) as error:
        print(error, file=sys.stderr)
        return 2
    if not runs and not wrong:
        print("There is no mutant to try.", file=sys.stderr)
        return 1
    width = max(len(each.mutant.name) for each in (*runs, *wrong))
    verdicts = []
    for verdict in chain(wrong, judge_all(runs, trials, options.jobs)):
        print(line(verdict, width), flush=True)
        verdicts.append(verdict)
    return report(verdicts, selections, options.verbose)


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
