#!/usr/bin/env python3
"""Refuse a wrong or missing variable of a door before any work begins.

`make` itself ignores a variable it does not know, so `make test STAGE=03` would quietly test everything.
The Makefile's "##" comments say which variables each door takes; this script holds a call against them and
answers with one sentence that says the right form and the choices.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from treadle_tools import cli, stages

ROOT = Path(__file__).resolve().parents[2]
EVERYWHERE = ("BUILD", "CXX", "NO_INSTALL", "NO_COLOR", "JOBS")
GRADE_FORMATS = ("text", "gradescope", "classroom", "junit", "json")
OTHER_NAMES = {"STAGE": "CH", "CHAPTER": "CH", "N": "CH", "EXERCISE": "EX", "DIR": "OUT", "TEST": "FILTER",
               "FROM": "CH", "CH": "FROM", "DESTDIR": "PREFIX"}
SWITCHES = ("ALL", "RECORD", "FORMAT_CHECK", "QUICK", "FRESH", "REVEAL", "RESET", "NO_INSTALL")


class Misuse(Exception):
    """A call that cannot be meant; the message says the right form."""


@dataclass(frozen=True)
class Door:
    """One door, as its line in the Makefile declares it."""

    name: str
    required: dict[str, str]  # variable -> example
    optional: dict[str, str]
    help: str

    @property
    def form(self) -> str:
        words = [f"make {self.name}"] + [f"{k}={v}" for k, v in self.required.items()]
        return " ".join(words + [f"[{k}={v}]" for k, v in self.optional.items()])


def parse_doors(makefile: str) -> dict[str, Door]:
    """The doors that the "## door VARIABLE=example: help" lines declare."""
    doors = {}
    for head, text in re.findall(r"^## (.+?): (.+)$", makefile, re.MULTILINE):
        name, *words = head.split()
        pairs = [(w.startswith("["), *w.strip("[]").split("=", 1)) for w in words]
        required = {k: v for is_optional, k, v in pairs if not is_optional}
        optional = {k: v for is_optional, k, v in pairs if is_optional}
        doors[name] = Door(name, required, optional, text)
    return doors


def command_line_variables(makeflags: str) -> list[str]:
    """Names of the variables given on make's command line, from MAKEFLAGS."""
    _, _, overrides = (" " + makeflags).partition(" -- ")
    words = re.findall(r"(?:\\.|\S)+", overrides)
    return [m.group(1) for w in words if (m := re.match(r"([A-Za-z_][\w-]*)[:+?]?=", w))]


def stage_choices(root: Path) -> dict[str, str]:
    """Stage numbers and names, e.g. {"03": "03-sockets"}."""
    return {stage.number: stage.name for stage in stages.stages(root)}


def exercise_choices(root: Path) -> list[str]:
    found = sorted((root / "chapters").glob("[0-9][0-9]-*/exercises/*/task.md"))
    return [f"{p.parents[2].name[:2]}/{p.parent.name}" for p in found]


def preset_choices(root: Path) -> list[str]:
    presets = json.loads((root / "CMakePresets.json").read_text())["configurePresets"]
    return [p["name"] for p in presets if not p.get("hidden")]


def check_stage(door: Door, variable: str, value: str, root: Path) -> None:
    choices = stage_choices(root)
    try:
        stages.find(value, root)
    except stages.UnknownStage:
        names = ", ".join(f"{number} ({name[3:]})" for number, name in choices.items())
        raise Misuse(f"{variable}={value} names no stage. Write {variable}= and two digits, as in "
                     f"`{door.form}`; the stages are {names}.") from None


def check_exercise(door: Door, variable: str, value: str, root: Path) -> None:
    choices = exercise_choices(root)
    if value not in choices:
        near = difflib.get_close_matches(value, choices, 1)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise Misuse(f"{variable}={value} names no exercise.{guess} Write {variable}=STAGE/NAME; the exercises are "
                     f"{', '.join(choices)}.")


def check_choice(door: Door, variable: str, value: str, choices: list[str]) -> None:
    if value not in choices:
        raise Misuse(f"{variable}={value} is not a choice of `{door.form}`. Choose from {', '.join(choices)}.")


def check_value(door: Door, variable: str, value: str, root: Path) -> None:
    """Refuse a value that names nothing. Free texts (FILTER, OUT, PREFIX, NAME) are their tool's matter."""
    if variable in ("CH", "FROM"):
        check_stage(door, variable, value, root)
    elif variable == "EX":
        check_exercise(door, variable, value, root)
    elif variable == "PRESET":
        check_choice(door, variable, value, preset_choices(root))
    elif variable == "FORMAT":
        check_choice(door, variable, value, list(GRADE_FORMATS))
    elif variable in SWITCHES:
        check_choice(door, variable, value, ["0", "1"])
    elif variable == "TIMES" and not (value.isdecimal() and int(value) > 0):
        raise Misuse(f"TIMES={value} is not a number of repetitions. Write a number from 1 on, as in `{door.form}`.")
    elif variable == "PORT" and not (value.isdecimal() and int(value) <= 65535):
        raise Misuse(f"PORT={value} is no port. Write a number from 1 to 65535, or PORT=0 for any free one.")


def missing(door: Door, variable: str, root: Path) -> Misuse:
    """The sentence for a variable that the door cannot do without."""
    if variable in ("CH", "FROM"):
        hint = "The stages are " + ", ".join(f"{k} ({v[3:]})" for k, v in stage_choices(root).items()) + "."
    elif variable == "EX":
        hint = "The exercises are " + ", ".join(exercise_choices(root)) + "."
    else:
        hint = f"For example {variable}=/tmp/treadle-stage." if variable == "OUT" else ""
    return Misuse(f"make {door.name} needs {variable}=, as in `{door.form}`. {hint}".rstrip())


def check_unknown(door: Door, given: list[str]) -> None:
    known = [*door.required, *door.optional]
    for variable in given:
        if variable in known or variable in EVERYWHERE:
            continue
        near = [v for v in (variable.upper(), OTHER_NAMES.get(variable.upper())) if v in known]
        near += difflib.get_close_matches(variable.upper(), known, 1, 0.6)
        guess = f" Did you mean {near[0]}=?" if near else ""
        raise Misuse(f"make {door.name} takes no variable {variable}.{guess} The right form is `{door.form}`.")


def check_build(door: Door, value: str, root: Path) -> None:
    """Refuse a build folder that would swallow the tree, and one whose deletion would delete something else."""
    folder = (root / Path(value).expanduser()).resolve()
    if root.resolve().is_relative_to(folder) or (folder.exists() and not folder.is_dir()):
        raise Misuse(f"BUILD={value} is no folder to build in. Write BUILD= and the name of a folder of its own, as in "
                     "BUILD=/tmp/treadle-build.")
    if door.name == "clean" and folder.is_dir() and not (folder / ".locks").is_dir() and any(folder.iterdir()):
        raise Misuse(f"BUILD={value} holds nothing that was built here, so it is not deleted.")
    if door.name == "transcripts":
        raise Misuse("make transcripts takes no BUILD: the sessions of the book name the folder build.")


def check(door: Door, env: dict[str, str], root: Path) -> None:
    """Raise Misuse unless the variables in `env` suit the door."""
    check_unknown(door, command_line_variables(env.get("MAKEFLAGS", "")))
    if env.get("BUILD"):
        check_build(door, env["BUILD"], root)
    for variable in door.required:
        if not env.get(variable):
            raise missing(door, variable, root)
    for variable in [*door.required, *door.optional, "NO_INSTALL"]:
        if env.get(variable):
            check_value(door, variable, env[variable], root)


def unknown(word: str, doors: dict[str, Door]) -> Misuse:
    near = difflib.get_close_matches(word, list(doors), 1, 0.5)
    guess = f" Did you mean `{doors[near[0]].form}`?" if near else ""
    return Misuse(f"There is no door called {word}.{guess} `make help` lists them.")


def main(argv: list[str]) -> int:
    doors = parse_doors((ROOT / "Makefile").read_text())
    try:
        if argv[0] == "--unknown":
            raise unknown(argv[1], doors)
        check(doors[argv[0]], dict(os.environ), ROOT)
    except Misuse as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    cli.run(main, sys.argv[1:])
