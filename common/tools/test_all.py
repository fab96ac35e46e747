#!/usr/bin/env python3
"""`make test`: build and run the shared tests of every stage, the exercise checks and the tools' own tests.

A test file is built and run at the stages that have changed something which it can see; at the others it reads `=` (see
test_runner/selection.py). `--all` runs every file at every stage.

While it works a board shows a row for each stage. It ends with the failures, the matrix of stages and subjects, and one
line `N passed, N failed`, with the cases that read `=` as skipped. A stage that does not compile, or a test that crashes or
hangs, is a failure by name, and everything else still runs and counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import door
from test_runner import build, catch_program, junit, matrix, selection
from test_runner.catch_report import Case
from test_runner.memory import Memory, key
from test_runner.progress import Board
from test_runner.reach import CannotTell
from test_runner.selection import Selection
from treadle_tools import build_folder, cli, stages

ROOT = Path(__file__).resolve().parents[2]
SHARED, EXERCISES, TOOLS = "shared parts", "exercises", "tools"
TOOL_TEST_PLACES = ("common/tools/tests", "common/bench/**/tests", "book/**/tests")


@dataclass
class Options:
    """What was asked for."""

    preset: str = "dev"
    stages: list[str] = field(default_factory=list)
    one_stage: str = ""
    test_filter: str = ""
    only_stages: bool = False
    build_only: bool = False
    examples_only: bool = False
    everything: bool = False
    draw: str = ""

    @property
    def with_exercises(self) -> bool:
        return not (self.only_stages or self.build_only or self.test_filter)

    @property
    def with_tools(self) -> bool:
        return self.with_exercises and not self.one_stage

    @property
    def backstop(self) -> float:
        """Seconds that one test case may take. A law takes milliseconds; this is for a loop that never returns."""
        slow = self.preset in ("asan", "tsan")
        return float(os.environ.get("TREADLE_BACKSTOP", 300 if slow else 120))


def parse_options(argv: Sequence[str]) -> Options:
    """Options come from the command line or, through make, from the environment."""
    env = os.environ
    parser = argparse.ArgumentParser(description="Build and run the tests of all stages.")
    parser.add_argument("--stage", default=env.get("CH", ""), metavar="03", help="this stage only")
    parser.add_argument("--from", default=env.get("FROM", ""), dest="first", metavar="05", help="the stages from this one on")
    parser.add_argument("--newest-and-one", action="store_true",
                        help="of these stages the newest, and one of the others, which --draw chooses; all without --draw")
    parser.add_argument("--preset", default=env.get("PRESET") or "dev", help="a preset of CMakePresets.json")
    parser.add_argument("--filter", default=env.get("FILTER", ""), help="a Catch2 filter, such as 'Sleep*'")
    parser.add_argument("--only-stages", action="store_true", help="neither exercises nor the tools' own tests")
    parser.add_argument("--build-only", action="store_true", help="build, examples too, and run nothing")
    parser.add_argument("--examples-only", action="store_true", help="build the examples, and neither build nor run a test")
    parser.add_argument("--all", action="store_true", default=env.get("ALL", "0") == "1", dest="everything",
                        help="also where a test can see nothing that its stage has changed")
    parser.add_argument("--draw", default=env.get("TREADLE_DRAW", ""), metavar="COMMIT",
                        help="run a tenth of the tests that would read `=`, chosen by this hash, and compare")
    given = parser.parse_args(argv)
    try:
        chosen = [stages.find(given.stage, ROOT)] if given.stage else stages.since(given.first, ROOT)
    except stages.UnknownStage as error:
        parser.error(str(error))
    if given.newest_and_one:
        chosen = selection.newest_and_one(chosen, given.draw, given.preset)
    presets = door.preset_choices(ROOT)
    if given.preset not in presets:
        parser.error(f"no preset {given.preset}; choose from {', '.join(presets)}")
    return Options(given.preset, [stage.name for stage in chosen], chosen[0].number if given.stage else "",
                   given.filter, given.only_stages or bool(given.first and not given.stage),
                   given.build_only or given.examples_only, given.examples_only,
                   given.everything or bool(given.filter), given.draw)


# --- Building ---


def select(options: Options) -> Selection:
    try:
        return selection.of_stages(ROOT, options.stages, options.everything, options.draw)
    except CannotTell as error:
        raise build.BuildError(str(error)) from None


def targets(options: Options, chosen: Selection, programs: Selection) -> list[str]:
    """The tests that have to run, and the examples that are not the same program as at the stage before."""
    wanted = [] if options.examples_only else [f"tests-{stage}" for stage in options.stages if chosen.runs(stage)]
    if options.build_only:
        wanted += [f"treadle-{stage}" for stage in options.stages]
        wanted += [f"example-{stage}-{name}" for stage in options.stages for name in programs.runs(stage)]
    return wanted


def build_stages(options: Options, chosen: Selection, board: Board) -> tuple[Path, build.BuildResult]:
    """Build what the options ask for; the board shows what is being compiled."""
    board.update(SHARED, "configuring")
    chosen.write(build.tree(ROOT, options.preset) / "selection")
    tree = build.configure(ROOT, options.preset, build.chosen_compiler())
    board.update(SHARED, "building")

    def on_step(stage: str, what: str, done: int, total: int) -> None:
        label = stage if stage in options.stages else SHARED
        state = "built" if total and done >= total else "building"
        board.update(label, state, now="" if state == "built" else what, done=done, total=total)

    programs = selection.of_examples(ROOT, options.stages, options.everything) if options.build_only else Selection()
    result = build.run(tree, targets(options, chosen, programs), on_step)
    selection.fill_in(programs, tree)
    board.update(SHARED, "built" if result.code == 0 else "build failed", now="", done=1, total=1)
    return tree, result


def not_built(stage: str, result: build.BuildResult) -> list[Case]:
    words = "\n".join(build.ESCAPES.sub("", line) for line in result.complaints[:60])
    return [Case("Build: the stage and its tests compile", False, messages=[words or f"{stage} was not built"])]


# --- Running ---


def run_stage(options: Options, chosen: Selection, tree: Path, result: build.BuildResult, stage: str,
              board: Board) -> list[Case]:
    """All test cases of one stage that have to run."""
    if not chosen.runs(stage):
        board.update(stage, "equal to the stage before", now="", done=1, total=1)
        return []
    if result.code != 0 and not build.is_up_to_date(tree, f"tests-{stage}"):
        board.update(stage, "build failed", now="")
        return not_built(stage, result)
    program = tree / "tests" / f"tests-{stage}"
    board.update(stage, "running", done=0, total=0, now="")
    known = len(catch_program.list_cases(program, options.test_filter)) if program.exists() else 0
    cases = catch_program.run_program(
        program, tree / "reports" / f"{stage}.xml", options.test_filter, options.backstop,
        lambda name, count: board.update(stage, "running", now=name, done=count, total=known))
    if not cases and not options.test_filter:
        cases = [Case("Program: has tests", False, messages=[f"{program} has no test case"])]
    finish(board, stage, cases)
    return cases


def finish(board: Board, label: str, cases: Sequence[Case]) -> None:
    board.update(label, tally(cases), now="", done=1, total=1)


def tally(cases: Sequence[Case]) -> str:
    """Not in the words of the sum, which stands alone on the last line."""
    passed, failed = matrix.count(cases)
    return f"{passed} passed" + (f" and {failed} failed" if failed else "")


def plain_environment() -> dict[str, str]:
    """Without what make leaves behind, which would steer a make or a door started below."""
    ours = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CH", "FILTER", "PRESET", "FROM", "EX")
    return {k: v for k, v in os.environ.items() if k not in ours}


def exercise_cases(output: str, code: int) -> list[Case]:
    """Cases from `exercise.py verify --quick`: lines `ok  what` and `FAIL  what`, the reasons indented below."""
    cases: list[Case] = []
    for line in build.ESCAPES.sub("", output).splitlines():
        match = re.match(r"(ok|FAIL)  +(.+)$", line)
        if match:
            cases.append(Case(f"Exercises: {match.group(2)}", match.group(1) == "ok"))
        elif line.startswith("      ") and cases and not cases[-1].passed:
            cases[-1].messages.append(line.strip())
    if code != 0 and all(case.passed for case in cases):
        words = output.strip()[-2000:]
        cases.append(Case("Exercises: the checks end well", False, messages=[f"exit status {code}", words]))
    return cases


def remembered(memory: Memory, board: Board, label: str, name: str, run: Callable[[], list[Case]]) -> list[Case]:
    """The result of a long part, from memory where nothing has changed; the board shows its tally."""
    cases = memory.recall(name, run)
    finish(board, label, cases)
    return cases


def run_exercises(options: Options, board: Board) -> list[Case]:
    """The exercises' own checks: starters fail, solutions pass. The wrong answers are for CI: each costs a compilation."""
    script = ROOT / "common/tools/exercise.py"
    if not script.exists():
        return []
    only = [options.one_stage] if options.one_stage else []
    if not list(ROOT.glob(f"chapters/{options.one_stage or '*'}*/exercises/*")):
        return []
    board.update(EXERCISES, "running")
    child = subprocess.Popen([sys.executable, "-B", str(script), "verify", "--quick", *only], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, env=plain_environment(), cwd=ROOT)
    lines = []
    for line in child.stdout or ():
        lines.append(line)
        board.update(EXERCISES, now=line.strip()[:90])
    return exercise_cases("".join(lines), child.wait())


def tool_test_files() -> list[Path]:
    found = {path for place in TOOL_TEST_PLACES for path in ROOT.glob(f"{place}/test_*.py")}
    return sorted(path for path in found if "node_modules" not in path.parts)


def run_tool_file(path: Path) -> list[Case]:
    """One file of Python tests in a process of its own."""
    driver = ROOT / "common/tools/test_runner/unit.py"
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-B", str(driver), str(path), str(result)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, env=plain_environment(),
                                  stdin=subprocess.DEVNULL, timeout=600)
            records = json.loads(result.read_text())
        except subprocess.TimeoutExpired:
            return [Case(f"{path.stem}: ends", False, messages=["it did not end within 10 minutes"])]
        except (OSError, ValueError):
            return [Case(f"{path.stem}: ends", False, messages=[done.stdout + done.stderr])]
    return [Case(f"Tools: {name}", bool(ok), messages=[text]) for name, ok, text in records]


def run_tools(board: Board) -> list[Case]:
    files = tool_test_files()
    ended: list[Path] = []

    def run(path: Path) -> list[Case]:
        board.update(TOOLS, "running", now=path.stem, done=len(ended), total=len(files))
        cases = run_tool_file(path)
        ended.append(path)
        return cases

    with ThreadPoolExecutor(max_workers=2) as pool:
        return [case for part in pool.map(run, files) for case in part]


# --- The whole ---


def run_everything(options: Options, chosen: Selection, board: Board,
                   memory: Memory) -> tuple[dict[str, list[Case]], dict[str, list[Case]]]:
    """Build, then run: (cases of each stage, cases of the rest)."""
    tree, result = build_stages(options, chosen, board)
    with ThreadPoolExecutor(max_workers=3) as pool:
        # The long ones first. Beside them the stages' own tests run one after another, and alone two at a time.
        rest: dict[str, Callable[[], list[Case]]] = {}
        if options.with_exercises:
            rest[EXERCISES] = pool.submit(remembered, memory, board, EXERCISES, f"{EXERCISES}{options.one_stage}",
                                          lambda: run_exercises(options, board)).result
        if options.with_tools:
            rest[TOOLS] = pool.submit(remembered, memory, board, TOOLS, TOOLS, lambda: run_tools(board)).result
        with ThreadPoolExecutor(max_workers=1 if rest else 2) as programs:
            of_stage = programs.map(lambda stage: run_stage(options, chosen, tree, result, stage, board), options.stages)
            runs = dict(zip(options.stages, of_stage))
        return runs, {name: wait() for name, wait in rest.items()}


def labels(options: Options) -> list[str]:
    rows = [SHARED, *options.stages]
    rows += [EXERCISES] if options.with_exercises else []
    return rows + ([TOOLS] if options.with_tools else [])


def examples_are_built() -> bool:
    """Whether the tools' tests found the newest stage's examples."""
    return any((build.tree(ROOT, "dev") / "chapters" / stages.newest(ROOT).name / "examples").glob("*"))


@dataclass
class Results:
    """What there is to tell at the end."""

    runs: dict[str, list[Case]]  # of the stages
    rest: dict[str, list[Case]] = field(default_factory=dict)  # of the exercises and the tools
    chosen: Selection = field(default_factory=Selection)
    seconds: float = 0.0
    reused: Collection[str] = ()

    @property
    def equal(self) -> dict[str, list[tuple[Case, str]]]:
        """For each stage the cases that read `=`, with the stage that ran them."""
        found: dict[str, list[tuple[Case, str]]] = {}
        for cell, cases in selection.proven(self.chosen, self.runs).items():
            found.setdefault(cell[0], []).extend((case, self.chosen.origins[cell]) for case in cases)
        return found


def report(options: Options, results: Results) -> int:
    """Print the last page; the exit status."""
    everything = {**results.runs, **results.rest}
    equal = {stage: [case for case, _ in pairs] for stage, pairs in results.equal.items()}
    for part in (matrix.failures(everything), matrix.render(results.runs, equal)):
        if part:
            print("\n" + part)
    print_selection(results.chosen, results.runs)
    print_rest(results)
    passed, failed = matrix.count([case for cases in everything.values() for case in cases])
    if passed + failed == 0:
        print(f"No test ran: no test case matches FILTER={options.test_filter}." if options.test_filter
              else "No test ran.", file=sys.stderr, flush=True)
    print(f"preset {options.preset}, {build.chosen_compiler()}, {results.seconds:.0f} s")
    print(f"\n{matrix.sum_line(list(everything.values()), sum(map(len, equal.values())))}", flush=True)
    return 0 if passed and not failed else 1


def print_selection(chosen: Selection, runs: dict[str, list[Case]]) -> None:
    """How many cells read `=`, how many were drawn, and which were left out without a result."""
    equal, open_cells = chosen.equal(), selection.not_proven(chosen, runs)
    if equal:
        print(f"Of {len(chosen.origins)} pairs of test file and stage, {len(equal)} read `=`: the test sees the same code as at the stage "
              "before. ALL=1 runs them too.")
    if chosen.drawn:
        print(f"{len(chosen.drawn)} more were equal, and were drawn to be run and compared.")
    for stage, name in open_cells:
        print(f"{name} was not run at {stage}, which has the same code for it as {chosen.origins[stage, name]}, where it did not pass.")


def print_rest(results: Results) -> None:
    for name, cases in results.rest.items():
        again = any(kept.startswith(name) for kept in results.reused)
        print(f"{name}: {tally(cases)}{', the last time; nothing has changed since (FRESH=1 runs them)' if again else ''}")
    if TOOLS in results.rest and not examples_are_built():
        print("The tests of the examples were left out, as these are not built; "
              f"make stage CH={stages.newest(ROOT).number} builds the newest.")


def only_build(options: Options, chosen: Selection, board: Board) -> int:
    tree, result = build_stages(options, chosen, board)
    for stage in options.stages:
        built = result.code == 0 or (not options.examples_only and build.is_up_to_date(tree, f"tests-{stage}"))
        board.update(stage, "built" if built else "build failed", now="", done=1, total=1)
    board.close()
    build.print_complaints(result)
    if result.code == 0 and options.one_stage:
        tests = "" if options.examples_only else f" and {os.path.relpath(tree, ROOT)}/tests/tests-{options.stages[0]}"
        print(f"Built: {os.path.relpath(tree, ROOT)}/chapters/{options.stages[0]}/examples/{tests}")
    return 0 if result.code == 0 else 1


def main(argv: Sequence[str]) -> int:
    options = parse_options(argv)
    with build_folder.locked(options.preset):
        return run(options)


def run(options: Options) -> int:
    """Build, test, report; the exit status."""
    begun = time.monotonic()
    board = Board(labels(options))
    try:
        chosen = select(options)
        if options.build_only:
            return only_build(options, chosen, board)
        memory = Memory(build_folder.of(ROOT) / ".results", key(ROOT, str(build.chosen_compiler())))
        runs, rest = run_everything(options, chosen, board, memory)
    except build.BuildError as error:
        print(error, file=sys.stderr)
        print("\n0 passed, 1 failed")
        return 1
    board.close()
    for case in selection.wrong_draws(chosen, runs):
        runs[next(iter(runs))].append(case)
    results = Results(runs, rest, chosen, time.monotonic() - begun, memory.reused)
    junit.write(build.tree(ROOT, options.preset) / "reports/junit.xml", {**runs, **rest}, results.equal)
    return report(options, results)


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
