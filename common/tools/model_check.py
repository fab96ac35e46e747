#!/usr/bin/env python3
"""`make model`: try every order in which other threads can meet a loop that falls asleep, with Relacy.

common/testing/model/inbox_model.cpp and claim_model.cpp run a stage's own inbox, and say what they demand. Nothing must be
found in it as it is; and in each mutant of common/testing/model/mutants.toml that must be found which the list names. A mutant is a copy of
the texts with a few edits, and is looked at in one scenario only.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from test_runner import build
from treadle_tools import build_folder, cli, stages
from treadle_tools.compiler import Compiler

ROOT = Path(__file__).resolve().parents[2]
MODEL = Path("common/testing/model")
PROGRAMS = ("inbox_model", "claim_model")
# Relacy replaces the plain operator delete and no other.
# And recycled memory would hide from it what is freed: it rests, and is not seen to go.
FLAGS = ["-std=c++20", "-DFMT_HEADER_ONLY", "-fno-sized-deallocation", "-DTREADLE_NO_RECYCLING"]
# What the inbox needs besides its own text, if it is there: of the stage, and of the model in place of the stage's.
BESIDES = ("clock.cpp", "stage/src/errors.cpp", "stage/src/recycle.cpp")
OUTSIDE = "relacy_headers.hpp"  # what a program includes first, and no mutant changes
# Relacy's threads are fibers of one thread, and share what is thread_local. What is so in the inbox is a pointer, null at first.
THREAD_LOCAL = re.compile(r"^thread_local (.+\*) (\w+) = nullptr;$", re.MULTILINE)
PER_THREAD = r"model::PerThread<\1> \2;"
OPTIMISED, QUICK_TO_BUILD = "-O2", "-O0"
TIME_LIMIT = 300.0  # for one program; a hang is a finding of the model, never of this


class ListError(Exception):
    """The list of mutants is wrong, or nothing was found to check; the message says where and how."""


@dataclass(frozen=True)
class Edit:
    """One place to change: in a file of the stage, or of the model."""

    file: str
    find: str
    replace: str

    def apply(self, mutant: str, text: str) -> str:
        count = text.count(self.find)
        if count != 1:
            times = "does not occur" if count == 0 else f"occurs {count} times"
            raise ListError(f"{mutant}: `{self.find.strip()}` {times} in {self.file}; it must occur exactly once")
        return text.replace(self.find, self.replace)


@dataclass(frozen=True)
class Mutant:
    """One deliberate break, and what the model must find in it."""

    name: str
    why: str
    scenario: str
    finds: str
    edits: tuple[Edit, ...]
    program: str = PROGRAMS[0]


@dataclass(frozen=True)
class Verdict:
    """good, or not and why; and the line to print."""

    good: bool
    line: str
    account: str = ""


def read(path: Path) -> list[Mutant]:
    """All mutants of the list."""
    try:
        entries = tomllib.loads(path.read_text())["mutant"]
        return [Mutant(e["name"], e["why"], e["scenario"], e["finds"], tuple(Edit(**edit) for edit in e["edit"]),
                       e.get("program", PROGRAMS[0]))
                for e in entries]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ListError(f"{path.name} cannot be read: {error}") from error


def newest_with_inbox(root: Path, wanted: str) -> Path:
    """The stage to check: the one that is named, else the newest that has an inbox."""
    found = [stage.path for stage in ([stages.find(wanted, root)] if wanted else stages.stages(root))
             if (stage.path / "src/inbox.cpp").exists()]
    if not found:
        raise ListError(f"Stage {wanted} has no src/inbox.cpp." if wanted else "No stage has a src/inbox.cpp.")
    return found[-1]


class Workshop:
    """Copies the texts, breaks the copies, builds and runs them, all below `place`."""

    def __init__(self, root: Path, stage: Path, compiler: Compiler, place: Path) -> None:
        self.root, self.stage, self.compiler, self.place = root, stage, compiler, place
        self.objects: dict[str, list[str]] = {}

    def copy(self, name: str, edits: Sequence[Edit] = ()) -> Path:
        """A folder of its own: the stage's texts below stage/, the model's beside it."""
        folder = self.place / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.root / MODEL, folder)
        for part in ("include", "src"):
            shutil.copytree(self.stage / part, folder / "stage" / part)
        for edit in edits:
            path = folder / edit.file if (folder / edit.file).exists() else folder / "stage" / edit.file
            path.write_text(edit.apply(name, path.read_text()))
        inbox = folder / "stage/src/inbox.cpp"
        inbox.write_text(THREAD_LOCAL.sub(PER_THREAD, inbox.read_text()))
        return folder

    def prepare(self, optimise: str) -> None:
        """Compiles what no mutant changes, once for all of them. REQUIRES: called before compile(), on one thread."""
        folder = self.copy(f"beside{optimise}")
        self.objects[optimise] = [f"{source}.o" for source in BESIDES if (folder / source).exists()]
        for output in self.objects[optimise]:
            self._call(folder, optimise, "-c", output.removesuffix(".o"), "-o", output)
        self._call(folder, optimise, "-x", "c++-header", OUTSIDE, "-o", f"{OUTSIDE}.gch")

    def compile(self, folder: Path, optimise: str, name: str = PROGRAMS[0]) -> Path:
        """The program; the model's headers come before the stage's."""
        program, beside = folder / name, self.place / f"beside{optimise}"
        objects = [str(beside / each) for each in self.objects[optimise]]
        self._call(folder, optimise, "-include", str(beside / OUTSIDE), f"{name}.cpp", *objects, "-o", str(program))
        return program

    def _call(self, folder: Path, optimise: str, *arguments: str) -> None:
        command = [*self.compiler.command, *FLAGS, optimise, "-I.", "-Iinclude", "-Istage/include", "-Istage/src", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise ListError(f"{folder.name}: it does not compile:\n{done.stderr[:4000]}")

    def run(self, program: Path, *scenario: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(program), *scenario], capture_output=True, text=True, timeout=TIME_LIMIT)

    def check_whole(self, name: str = PROGRAMS[0]) -> Verdict:
        """The texts as they are: nothing may be found."""
        program = self.compile(self.copy(f"whole-{name}"), OPTIMISED, name)
        done = self.run(program)
        return Verdict(done.returncode == 0, done.stdout.rstrip(), done.stderr)

    def check_mutant(self, mutant: Mutant) -> Verdict:
        """The texts with a break: what the list names must be found."""
        try:
            program = self.compile(self.copy(mutant.name, mutant.edits), QUICK_TO_BUILD, mutant.program)
        except ListError as error:
            return Verdict(False, str(error))
        return judge(mutant, self.run(program, mutant.scenario))


def judge(mutant: Mutant, done: subprocess.CompletedProcess[str]) -> Verdict:
    """Hold what was found in a mutant against the list."""
    match = re.search(r" (\d+) runs .*?s  (.+)$", done.stdout, re.MULTILINE)
    runs, found = (match.group(1), match.group(2)) if match else ("no", (done.stderr or "nothing").strip()[-300:])
    good = done.returncode == 1 and found == mutant.finds
    words = f"{mutant.name:<42} {found} after {runs} runs of `{mutant.scenario}`"
    return Verdict(good, words if good else f"{words}; the list demands {mutant.finds}")


def trim(account: str, lines: int = 120) -> str:
    """Relacy's account of the run that shows the fault; it repeats itself thread by thread after that."""
    return "\n".join(account.split("\nthread 0:")[0].splitlines()[:lines])


def check(workshop: Workshop, mutants: Sequence[Mutant], with_whole: bool, jobs: int) -> int:
    """Print each verdict as it comes; the exit status."""
    verdicts = []
    for optimise in [OPTIMISED] * with_whole + [QUICK_TO_BUILD] * bool(mutants):
        workshop.prepare(optimise)
    with ThreadPoolExecutor(jobs) as pool:
        whole = [pool.submit(workshop.check_whole, name) for name in PROGRAMS] if with_whole else []
        tries = [pool.submit(workshop.check_mutant, mutant) for mutant in mutants]
        for job in [*whole, *tries]:
            verdict = job.result()
            verdicts.append(verdict)
            print(verdict.line, flush=True)
            if verdict.account and not verdict.good:
                print(trim(verdict.account), flush=True)
    bad = sum(not verdict.good for verdict in verdicts)
    caught = sum(verdict.good for verdict in verdicts[len(whole):])
    clean = "" if not whole else "nothing found in the inbox; " if all(verdict.good for verdict in verdicts[:len(whole)]) else "THE INBOX IS AT FAULT; "
    print(f"\n{workshop.stage.name}: {clean}{caught} of {len(mutants)} mutants caught")
    return 1 if bad else 0


def choose(mutants: Sequence[Mutant], name: str) -> list[Mutant]:
    chosen = [mutant for mutant in mutants if name in ("", mutant.name)]
    if not chosen:
        raise ListError(f"There is no mutant called {name}; choose from {', '.join(m.name for m in mutants)}.")
    return chosen


def parse_options(argv: Sequence[str]) -> argparse.Namespace:
    env = os.environ
    parser = argparse.ArgumentParser(description="Check the inbox in every order, and the check itself by mutants.")
    parser.add_argument("--stage", default=env.get("CH", ""), metavar="05", help="this stage (the newest)")
    parser.add_argument("--mutant", default="", metavar="NAME", help="this mutant and nothing else")
    parser.add_argument("--no-mutants", action="store_true", help="the inbox as it is and nothing else")
    parser.add_argument("--jobs", type=int, default=int(env.get("JOBS") or 2), help="how many at once (2)")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    options = parse_options(argv)
    try:
        mutants = [] if options.no_mutants else choose(read(ROOT / MODEL / "mutants.toml"), options.mutant)
        stage = newest_with_inbox(ROOT, options.stage)
        workshop = Workshop(ROOT, stage, build.chosen_compiler(), build_folder.of(ROOT) / "model")
        with build_folder.locked("model"):
            return check(workshop, mutants, not options.mutant, options.jobs)
    except (ListError, stages.UnknownStage, build.BuildError) as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.TimeoutExpired as error:
        print(f"{error.cmd[0]} did not end within {error.timeout:.0f} s.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
