"""Proves that the exercises are fair: each starter fails as stated, each solution passes, each wrong answer is caught as stated.

An exercise whose check lets a wrong answer through is worse than none. So an exercise comes with its wrong answers, and each
names the check that must reject it, the status, and a fragment of what the learner is told.
"""
from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

from ..compiler import Compiler
from . import judge, model
from .judge import Result
from .model import Exercise, ExerciseError, Places, Wrong
from .toolchain import Toolchain

KNOWN_FILES = {"task.md", "hints.md", "starter.cpp", "solution.cpp", "check.cpp", "exercise.json"}
MIN_WRONG, HINTS = 3, 3


@dataclass(frozen=True)
class Finding:
    """The outcome of one job: what it was about and what is wrong with it (nothing, if it is as stated)."""

    exercise: str
    job: str
    problems: tuple[str, ...]


def read(path: Path, told: Callable[[Finding], None]) -> Exercise | None:
    """The exercise in that directory; where it cannot be read, that is told."""
    try:
        return model.load(path)
    except (ExerciseError, OSError, ValueError) as error:
        told(Finding(model.id_of(path), "form", (str(error),)))
        return None


def form_problems(exercise: Exercise) -> list[str]:
    """Everything that can be seen without compiling."""
    return [*_file_problems(exercise), *_task_problems(exercise), *_hint_problems(exercise), *_check_problems(exercise)]


def _file_problems(exercise: Exercise) -> Iterator[str]:
    present = {str(p.relative_to(exercise.path)) for p in exercise.path.rglob("*") if p.is_file()}
    wrong = {name for name in present if re.fullmatch(r"wrong/[\w-]+\.cpp", name)}
    for name in sorted((KNOWN_FILES | set(exercise.files)) - present):
        yield f"{name} is missing"
    for name in sorted(present - KNOWN_FILES - set(exercise.files) - wrong):
        yield f"{name} is not part of an exercise; list it under \"files\" in exercise.json or remove it"
    if len(wrong) < MIN_WRONG:
        yield f"there are {len(wrong)} wrong answers in wrong/, but at least {MIN_WRONG} are needed"


def _task_problems(exercise: Exercise) -> Iterator[str]:
    path = exercise.path / "task.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if not re.match(r"# \S", text):
        yield "task.md must begin with a title line '# …'"
    if not re.search(rf"^Minutes: {exercise.minutes}$", text, re.MULTILINE):
        yield f"task.md must have a line 'Minutes: {exercise.minutes}' as exercise.json says"
    for heading in ("## What to do", "## Where to read"):
        if heading not in text:
            yield f"task.md has no section '{heading}'"


def _hint_problems(exercise: Exercise) -> Iterator[str]:
    found = model.hints(exercise)
    if len(found) != HINTS:
        yield f"hints.md has {len(found)} sections '## …', but {HINTS} are needed: a question, an invariant, the shape of the code"
    for heading, body in found:
        if not body:
            yield f"the hint '{heading}' is empty"


def _check_problems(exercise: Exercise) -> Iterator[str]:
    path = exercise.path / "check.cpp"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    in_code = re.findall(r'^\s*(?:TEST_CASE|TEST_CASE_METHOD)\((?:\w+,\s*)?"((?:\\.|[^"\\])*)"', text, re.MULTILINE)
    listed = [check.name for check in exercise.checks]
    for name in in_code:
        if name not in listed:
            yield f"check.cpp has a test case '{name}' that exercise.json gives no points"
    for name in listed:
        if name not in in_code:
            yield f"exercise.json lists a check '{name}' that check.cpp does not have"
    for name in exercise.starter_fails:
        if name not in listed:
            yield f"starter_fails names '{name}', which is no check"
    if len(re.findall(r"^#include ANSWER$", text, re.MULTILINE)) != 1:
        yield "check.cpp must contain the line '#include ANSWER' exactly once, after its other includes"


# --- jobs that compile and run ------------------------------------------------------------------------------------


def starter_problems(exercise: Exercise, result: Result) -> list[str]:
    """The starter must compile, and fail exactly the checks it is said to fail."""
    if result.status == "compile_error":
        return [f"the starter does not compile: {result.checks[0].detail}"]
    failed = {check.name for check in result.checks if check.status != "passed"}
    stated = set(exercise.starter_fails)
    problems = [f"the starter passes '{name}', which it is said to fail" for name in sorted(stated - failed)]
    return problems + [f"the starter fails '{name}', which it is not said to fail" for name in sorted(failed - stated)]


def solution_problems(result: Result) -> list[str]:
    """The solution must pass everything, without a warning."""
    problems = [f"the solution fails '{c.name}' ({c.status}): {c.why}" for c in result.checks if c.status != "passed"]
    return problems + ([f"the solution has warnings: {result.warnings}"] if result.warnings else [])


def wrong_problems(wrong: Wrong, result: Result) -> list[str]:
    """A wrong answer must be rejected by the stated check, with the stated status, saying the stated words."""
    hits = [c for c in result.checks if c.name == wrong.check]
    if not hits:
        return [f"it names the check '{wrong.check}', which does not exist"]
    if hits[0].status != wrong.status:
        return [f"'{wrong.check}' says {hits[0].status}, but {wrong.status} is stated: {hits[0].why}"]
    if wrong.says not in hits[0].why:
        return [f"'{wrong.check}' does not say \"{wrong.says}\"; it says: {hits[0].why}"]
    return []


def _wrong_job(exercise: Exercise, wrong: Wrong, tools: Toolchain) -> list[str]:
    if wrong.check not in {check.name for check in exercise.checks}:
        return [f"it names the check '{wrong.check}', which does not exist"]
    return wrong_problems(wrong, judge.judge(exercise, wrong.path, tools, only=wrong.check))


Job = tuple[str, Callable[[], list[str]]]


def jobs(exercise: Exercise, tools: Toolchain, quick: bool = False) -> list[Job]:
    """All that has to be proved about one exercise, the wrong answers too unless it must be `quick`. If its form is broken, that
    comes first and alone."""
    problems = form_problems(exercise)
    if problems:
        return [("form", lambda: problems)]
    starter, solution = exercise.path / "starter.cpp", exercise.path / "solution.cpp"
    found: list[Job] = [
        ("form", lambda: []),
        ("starter", lambda: starter_problems(exercise, judge.judge(exercise, starter, tools))),
        ("solution", lambda: solution_problems(judge.judge(exercise, solution, tools))),
    ]
    for wrong in () if quick else model.wrong_answers(exercise):
        found.append((f"wrong/{wrong.path.name}", lambda w=wrong: _wrong_job(exercise, w, tools)))
    return found


# --- remembering what has been proved -----------------------------------------------------------------------------


def proof_key(exercise: Exercise, tools: Toolchain) -> str:
    """A hash of everything the proof depends on: exercise, stage, test kit, these tools, compiler."""
    places = [exercise.path, exercise.stage / "include", exercise.stage / "src", tools.root / "common" / "testing",
              Path(__file__).parent, model.SCHEMAS]
    files = sorted(f for place in places for f in place.rglob("*") if f.is_file() and f.suffix != ".pyc")
    total = hashlib.sha256(f"{tools.version} {tools.sanitize} {tools.flags}".encode())
    for file in files:
        total.update(str(file).encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:24]


def _collect(exercise: Exercise, places: Places, cxx: Compiler, sanitize: bool, quick: bool) -> tuple[Path, list[Job]]:
    """Where the proof is noted, and what is still to be proved."""
    tools = judge.toolchain(places, cxx, sanitize or exercise.sanitize)
    whole = places.cache / "proved" / proof_key(exercise, tools)
    half = whole.with_suffix(".quick")
    stamp = half if quick else whole
    try:
        if stamp.exists() or whole.exists():
            return stamp, []
        todo = jobs(exercise, tools, quick)
        return stamp, [job for job in todo if not (half.exists() and job[0] in ("starter", "solution"))]
    except (ExerciseError, OSError, ValueError) as error:
        text = str(error)
        return stamp, [("form", lambda: [text])]


def _attempt(job: Callable[[], list[str]]) -> list[str]:
    """A job's problems; that it could not be done is one, and costs the others nothing."""
    try:
        return job()
    except ExerciseError as error:
        return [str(error)]
    except (OSError, ValueError, RuntimeError) as error:
        return [f"it could not be done: {error}"]


def verify(exercises: list[Exercise], places: Places, cxx: Compiler, workers: int, sanitize: bool,
           told: Callable[[Finding], None], quick: bool = False) -> int:
    """Runs all jobs, `workers` at a time, tells each finding as it comes; gives the number of findings with problems."""
    bad = 0
    stamps: dict[str, Path] = {}
    failed: set[str] = set()
    with ThreadPoolExecutor(workers) as pool:
        waiting = {}
        for exercise in exercises:
            stamps[exercise.id], todo = _collect(exercise, places, cxx, sanitize, quick)
            if not todo:
                told(Finding(exercise.id, "unchanged since it was proved", ()))
            waiting |= {pool.submit(_attempt, run): (exercise.id, name) for name, run in todo}
        for done in as_completed(waiting):
            finding = Finding(*waiting[done], tuple(done.result()))
            bad += bool(finding.problems)
            failed |= {finding.exercise} if finding.problems else set()
            told(finding)
    for name in stamps.keys() - failed:
        stamps[name].parent.mkdir(parents=True, exist_ok=True)
        stamps[name].touch()  # for those that were proved before, too: the store forgets what is not asked for
    return bad
