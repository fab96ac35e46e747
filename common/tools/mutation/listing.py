"""Read common/tools/mutants.toml, and put one mutant into a stage's text.

A mutant is one small wrong change that a named test must notice:

    [[mutant]]
    name    = "ready-queue-is-a-stack"
    stage   = "01"                                # the first stage in which it applies
    file    = "include/treadle/ready_queue.hpp"   # in the stage
    find    = "*last_ = &runnable;"               # must occur exactly once
    replace = "..."
    test    = "test_ready_queue.cpp"              # in tests/
    case    = "ReadyQueue: out in the order in which they went in"
    status  = "fail"                              # optional: it must be caught as fail, crash or hang

A mutant also applies to every later stage, up to the first one in which its find text does not occur exactly once.
mutation/selection.py chooses the stages of this range in which it runs: the last one that changes the file, and the
newest.

It is an error if the find text does not occur exactly once in the first stage: the list then no longer matches the
sources. Another entry with the same name and a later stage replaces an entry from that stage on: with another text, if the
code was changed, or with another test case.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATUSES = ("fail", "crash", "hang")
REQUIRED = ("name", "stage", "file", "find", "replace", "test", "case")
OPTIONAL = ("status",)


class ListError(Exception):
    """The list of mutants is wrong; the message says which entry and how."""


@dataclass(frozen=True)
class Mutant:
    """One deliberate break."""

    name: str
    stage: str  # "03": the first stage in which it applies
    file: str
    find: str
    replace: str
    test: str
    case: str
    status: str = ""  # how it must be caught; empty: in any way

    def fits(self, stage: Path) -> bool:
        """Whether the mutant can be put into this stage."""
        path = stage / self.file
        return path.is_file() and path.read_text().count(self.find) == 1

    def apply(self, stage: Path) -> str:
        """The changed text of the stage's file; ListError unless `find` occurs in it exactly once."""
        text = (stage / self.file).read_text()
        count = text.count(self.find)
        if count != 1:
            times = "does not occur" if count == 0 else f"occurs {count} times"
            raise ListError(f"{self.name}: its find text {times} in {stage.name}/{self.file}; it must occur exactly once")
        return text.replace(self.find, self.replace)


def read(path: Path) -> list[Mutant]:
    """All mutants, in the order of the list."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ListError(f"{path.name} cannot be read: {error}") from error
    mutants = [_from_entry(entry) for entry in data.get("mutant", [])]
    seen: set[tuple[str, str]] = set()
    for mutant in mutants:
        if (mutant.name, mutant.stage) in seen:
            raise ListError(f"{mutant.name}: the list has two entries with this name for stage {mutant.stage}")
        seen.add((mutant.name, mutant.stage))
    return mutants


def _from_entry(entry: dict[str, Any]) -> Mutant:
    name = entry.get("name", "a mutant without name")
    missing = [key for key in REQUIRED if not isinstance(entry.get(key), str)]
    if missing:
        raise ListError(f"{name}: it lacks {', '.join(missing)}")
    unknown = sorted(set(entry) - {*REQUIRED, *OPTIONAL})
    if unknown:
        raise ListError(f"{name}: unknown key {', '.join(unknown)}; the keys are {', '.join([*REQUIRED, *OPTIONAL])}")
    status = entry.get("status", "")
    if status and status not in STATUSES:
        raise ListError(f"{name}: unknown status {status}; it is one of {', '.join(STATUSES)}")
    if entry["find"] == entry["replace"]:
        raise ListError(f"{name}: find and replace are the same text")
    return Mutant(**entry)
