"""The commands that the recipes of a Makefile call, read as the shell programs that make would hand to sh."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from . import in_shell
from .words import UNKNOWN, Word

VARIABLE = re.compile(r"^(\w+)\s*(?:::?|\?)?=\s*(.*)$")
REFERENCE = re.compile(r"\$(?:\$|[({]([^(){}$]*)[)}]|([^\s({]))")
DOLLAR, NOT_KNOWN = "\0", "\1"  # they stand for what must not be expanded again


def called(path: Path, root: Path) -> Iterator[Word]:
    name, variables = path.relative_to(root).as_posix(), dict[str, str]()
    for number, line in _logical_lines(path.read_text()):
        assignment = VARIABLE.match(line)
        if assignment:
            variables[assignment[1]] = assignment[2]
        elif line.startswith("\t"):
            recipe = expand(line, variables).strip().lstrip("@-+ ")
            yield from in_shell.Script(recipe, name, number).called()


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that a backslash joins are one, with the number of the first."""
    held, first = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        first = first if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        yield first, held + line
        held = ""


def expand(text: str, variables: dict[str, str]) -> str:
    """What make hands to the shell. Both branches of $(if …) are kept, because which one is taken is not known here."""
    before = ""
    while before != text:
        before, text = text, REFERENCE.sub(lambda match: _value(match, variables), text)
    return text.replace(DOLLAR, "$").replace(NOT_KNOWN, UNKNOWN)


def _value(match: re.Match[str], variables: dict[str, str]) -> str:
    if match[0] == "$$":
        return DOLLAR
    inner = match[1] or match[2] or ""
    function, _, arguments = inner.partition(" ")
    if function == "if":
        return " ".join(arguments.split(",")[1:])
    return f"{DOLLAR}({arguments})" if function == "shell" else variables.get(inner, NOT_KNOWN)
