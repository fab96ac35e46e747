#!/usr/bin/env python3
"""The exercises' door: list, start, check, watch, hint, grade, solution, verify.

`make exercise EX=02/name` and its neighbours call this. Options can also be given as variables of the environment (EX,
FORMAT, OUT, RESET, REVEAL, SANITIZE, ANSWERS, CHECKS, JOBS), because that is how make hands them on. The format of an
exercise and the teacher's side are described in common/tools/EXERCISES.md.
"""
from __future__ import annotations

import argparse
import difflib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from treadle_tools import cli  # noqa: E402
from treadle_tools.exercises import judge, model, record, show, verify, watch  # noqa: E402
from treadle_tools.exercises.model import Exercise, ExerciseError, Places  # noqa: E402
from treadle_tools.exercises.progress import Progress  # noqa: E402
from treadle_tools.exercises.toolchain import choose_compiler  # noqa: E402

FORMATS = ("text", *record.MACHINE_FORMATS)


def judged(places: Places, exercise: Exercise, options: argparse.Namespace) -> judge.Result:
    """Checks the learner's answer to one exercise."""
    tools = judge.toolchain(places, choose_compiler(), options.sanitize or exercise.sanitize)
    return judge.judge(exercise, places.answer(exercise), tools)


def relative(path: Path) -> str:
    """The path as one would type it from here."""
    return os.path.relpath(path)


def check_and_show(places: Places, exercise: Exercise, options: argparse.Namespace) -> int:
    """Checks, shows, remembers; 0 if everything passed."""
    result = judged(places, exercise, options)
    Progress(places.work).tried(exercise.id, result.score, result.passed)
    shown = record.make([result])["exercises"][0]
    print(show.result(shown, relative(places.answer(exercise))), flush=True)
    if result.passed:
        print(f"  Done. To compare with ours: make solution EX={exercise.id}")
        return 0
    print(f"  Stuck? make hint EX={exercise.id}")
    return 1


# --- the subcommands ----------------------------------------------------------------------------------------------


def do_list(places: Places, options: argparse.Namespace) -> int:
    """All exercises with what has been done."""
    progress = Progress(places.work)
    for exercise in model.select(places, options.ex):
        seen = progress.of(exercise.id)
        state = "passed" if seen["passed"] else f"tried, best {seen['best']:g}" if seen["attempts"] else "not started"
        print(f"{exercise.id:<28} {exercise.kind:<8} {exercise.minutes:>3} min  {exercise.max:>3g} points  {state:<14} {exercise.title}")
    return 0


def copy_starter(places: Places, exercise: Exercise) -> None:
    """Puts the starter where the learner works, unless there is an answer already: that is never touched."""
    answer = places.answer(exercise)
    answer.parent.mkdir(parents=True, exist_ok=True)
    includes = [exercise.stage / "include", places.root / "common", exercise.path]
    flags = "\n".join(["-std=c++20", *(f"-I{relative_to(path, answer.parent)}" for path in includes)]) + "\n"
    for path, text in ((answer, exercise.file("starter.cpp").read_text(encoding="utf-8")),
                       (answer.parent / "compile_flags.txt", flags)):
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            pass


def relative_to(path: Path, base: Path) -> str:
    """For files that stay valid when the whole tree is moved."""
    return os.path.relpath(path, base)


def do_start(places: Places, options: argparse.Namespace) -> int:
    """Copies the starter if need be, says what to do, checks."""
    exercise = model.find(places, options.ex)
    was_there = places.answer(exercise).exists()
    copy_starter(places, exercise)
    print(f"Task:   {relative(exercise.path / 'task.md')}  ({exercise.kind}, about {exercise.minutes} minutes)")
    print(f"Answer: {relative(places.answer(exercise))}  ({'yours, as you left it' if was_there else 'a fresh copy of the starter'})\n",
          flush=True)
    return check_and_show(places, exercise, options)


def do_check(places: Places, options: argparse.Namespace) -> int:
    """Checks an answer that is there."""
    exercise = model.find(places, options.ex)
    if not places.answer(exercise).is_file():
        raise ExerciseError(f"{relative(places.answer(exercise))} does not exist; begin with: make exercise EX={exercise.id}")
    return check_and_show(places, exercise, options)


def do_watch(places: Places, options: argparse.Namespace) -> int:
    """Checks again whenever the answer is saved, until Ctrl-C."""
    exercise = model.find(places, options.ex or Progress(places.work).data["current"])
    copy_starter(places, exercise)
    answer = relative(places.answer(exercise))
    looks = options.times or -1

    def saved() -> None:
        nonlocal looks
        looks -= 1
        check_and_show(places, exercise, options)
        print(show.paint(f"\nWatching {answer}; save it to check again, Ctrl-C to stop.\n", show.DIM), flush=True)

    def gone() -> None:
        print(f"{answer} is gone; waiting for it to come back.", flush=True)
    try:
        watch.watch(places.answer(exercise), saved, gone, lambda: looks == 0)
    except KeyboardInterrupt:
        print()
    return 0


def do_hint(places: Places, options: argparse.Namespace) -> int:
    """One more hint each time; after the last, all of them."""
    exercise = model.find(places, options.ex)
    progress = Progress(places.work)
    entry = progress.of(exercise.id)
    if options.reset:
        entry["hints"] = 0
        progress.save()
        print(f"The hints of {exercise.id} begin again with the first.")
        return 0
    hints = model.hints(exercise)
    seen = min(entry["hints"], len(hints))
    for number in range(len(hints)) if seen == len(hints) else [seen]:
        heading, body = hints[number]
        print(f"{show.paint(f'Hint {number + 1} of {len(hints)}: {heading}', show.BOLD)}\n\n{body}\n")
    if seen == len(hints):
        print(f"These are all the hints there are. The solution: make solution EX={exercise.id} REVEAL=1")
    entry["hints"] = min(seen + 1, len(hints))
    progress.save()
    return 0


def grade_one(places: Places, exercise: Exercise, options: argparse.Namespace) -> judge.Result:
    """One exercise's result, whatever happens: a fault of ours in one must not cost the others."""
    try:
        return judged(places, exercise, options)
    except (ExerciseError, RuntimeError, OSError) as error:
        print(f"exercise.py: {exercise.id} could not be graded: {error}", file=sys.stderr)
        return judge.uniform(exercise, "not_run", f"It could not be graded: {str(error).splitlines()[0]}")


def do_grade(places: Places, options: argparse.Namespace) -> int:
    """Grades every answer, writes the record in the wanted format; 1 unless all passed."""
    exercises = model.select(places, options.ex)
    if not exercises:
        raise ExerciseError("there is no exercise to grade")
    made = record.make([grade_one(places, exercise, options) for exercise in exercises])
    text = record.MACHINE_FORMATS[options.format](made) if options.format != "text" else show.table(made) + "\n"
    if options.out:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        Path(options.out).write_text(text, encoding="utf-8")
        print(f"{made['score']} of {made['max']} points, written to {options.out}")
    else:
        sys.stdout.write(text)
    return 0 if made["status"] == "passed" else 1


def do_solution(places: Places, options: argparse.Namespace) -> int:
    """Our solution next to the learner's answer, once it passes or on request."""
    exercise = model.find(places, options.ex)
    progress = Progress(places.work)
    entry = progress.of(exercise.id)
    if not entry["passed"] and not options.reveal:
        raise ExerciseError(f"{exercise.id} has not passed yet; its solution is shown after that, or with REVEAL=1 "
                            "(which is remembered)")
    if not entry["passed"]:
        entry["revealed"] = True
        progress.save()
    answer, solution = places.answer(exercise), exercise.path / "solution.cpp"
    mine = answer.read_text(encoding="utf-8", errors="replace").splitlines() if answer.is_file() else []
    ours = solution.read_text(encoding="utf-8").splitlines()
    lines = list(difflib.unified_diff(mine, ours, relative(answer), relative(solution), lineterm="", n=len(mine) + len(ours)))
    for line in lines:
        colour = {"+": show.GREEN, "-": show.RED}.get(line[:1], "0")
        print(show.paint(line, colour))
    if not lines:
        print("Your answer is the solution, letter by letter.")
    return 0


def do_verify(places: Places, options: argparse.Namespace) -> int:
    """For CI: proves the exercises fair. One that cannot even be read is named, and the others go on."""
    def told(finding: verify.Finding) -> None:
        mark = show.paint("FAIL", show.RED) if finding.problems else show.paint("ok", show.GREEN)
        print(f"{mark}  {finding.exercise}  {finding.job}", flush=True)
        for problem in finding.problems:
            print("      " + problem.replace("\n", "\n      "), flush=True)
    paths = model.choose(places, options.ex)
    exercises = [exercise for path in paths if (exercise := verify.read(path, told))]
    broken = len(paths) - len(exercises)
    broken += verify.verify(exercises, places, choose_compiler(), options.jobs, options.sanitize, told, options.quick)
    print(f"{len(paths)} exercises, {broken} {'problem' if broken == 1 else 'problems'}")
    return 1 if broken else 0


COMMANDS = {"list": do_list, "start": do_start, "check": do_check, "watch": do_watch, "hint": do_hint, "grade": do_grade,
            "solution": do_solution, "verify": do_verify}


def flag(name: str) -> bool:
    """Whether a variable is set to something that means yes."""
    return os.environ.get(name, "") not in ("", "0", "no", "false")


def parser() -> argparse.ArgumentParser:
    """The command line; the environment gives the defaults."""
    env = os.environ.get
    top = argparse.ArgumentParser(prog="exercise.py", description="Start, check and grade the exercises.")
    top.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=", ".join(COMMANDS))
    top.add_argument("ex", nargs="?", default=env("EX", ""), metavar="EX", help="NN/name; for list, grade and verify also NN or none")
    top.add_argument("--format", default=env("FORMAT") or "text", help="of grade: " + ", ".join(FORMATS))
    top.add_argument("--out", default=env("OUT", ""), help="grade: write there instead of to the terminal")
    top.add_argument("--answers", default=env("ANSWERS", ""), help="where the answers are, instead of work/")
    top.add_argument("--checks", default=env("CHECKS", ""), help="a teacher's folder NN/name/ whose files replace the exercise's")
    top.add_argument("--sanitize", action="store_true", default=flag("SANITIZE"), help="with AddressSanitizer and UBSan")
    top.add_argument("--reset", action="store_true", default=flag("RESET"), help="hint: begin again")
    top.add_argument("--reveal", action="store_true", default=flag("REVEAL"), help="solution: before it passed")
    top.add_argument("--quick", action="store_true", help="verify: starters and solutions, but not the wrong answers")
    top.add_argument("--jobs", type=int, default=int(env("JOBS") or os.cpu_count() or 1), help="verify: so many at a time")
    top.add_argument("--times", type=int, default=0, help="watch: stop after so many checks")
    top.add_argument("--root", default=str(Path(__file__).resolve().parents[2]), help=argparse.SUPPRESS)
    return top


def main(arguments: list[str] | None = None) -> int:
    """0 fine, 1 a failure was found, 2 misuse."""
    options = parser().parse_intermixed_args(arguments)  # `verify --quick 03` is meant as it looks
    options.format = {"table": "text"}.get(options.format, options.format)
    root = Path(options.root).resolve()
    try:
        if options.format not in FORMATS:
            raise ExerciseError(f"there is no format {options.format!r}; say FORMAT= one of: {', '.join(FORMATS)}")
        for name in ("out", "answers", "checks"):  # after a `=`, no shell turns ~ into a home
            setattr(options, name, os.path.expanduser(getattr(options, name)))
        for name in ("answers", "checks"):
            if getattr(options, name) and not Path(getattr(options, name)).is_dir():
                raise ExerciseError(f"{getattr(options, name)} (given as {name}) is no directory")
        work = Path(options.answers).resolve() if options.answers else root / "work"
        places = Places(root, work, Path(options.checks).resolve() if options.checks else None)
        return COMMANDS[options.command](places, options)
    except ExerciseError as error:
        print(f"exercise.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    cli.run(main)
