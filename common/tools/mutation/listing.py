"""Read common/tools/mutants.toml, and put one mutant into a stage's text.

A mutant is one small wrong change that a named test must notice:

    [[mutant]]
    name    = "ready-queue-is-a-stack"
    stages  = ["01", "03"]                        # or: stage = "01"
    file    = "include/treadle/ready_queue.hpp"   # in the stage
    find    = "*last_ = &runnable;"               # must occur exactly once
    replace = "..."
    test    = "test_ready_queue.cpp"              # in tests/
    case    = "ReadyQueue: out in the order in which they went in"
    status  = "fail"                              # optional: it must be caught as fail, crash or hang

A find text that fits nowhere, or twice, is an error: then the list has lost touch with the sources.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATUSES = ("fail", "crash", "hang")
REQUIRED = ("name", "file", "find", "replace", "test", "case")
OPTIONAL = ("stage", "stages", "status")


class ListError(Exception):
    """The list of mutants is wrong; the message says where and how."""


@dataclass(frozen=True)
class Mutant:
    """One deliberate break in one stage."""

    name: str
    stage: str  # "03"
    file: str
    find: str
    replace: str
    test: str
    case: str
    status: str = ""  # demanded way to be caught; empty: any

    def apply(self, text: str) -> str:
        """The broken text; ListError unless `find` occurs exactly once."""
        count = text.count(self.find)
        if count != 1:
            times = "does not occur" if count == 0 else f"occurs {count} times"
            raise ListError(f"{self.name}: its find text {times} in stage {self.stage}'s {self.file}; "
                            "it must occur exactly once")
        return text.replace(self.find, self.replace)


def read(path: Path) -> list[Mutant]:
    """All mutants, one for each stage they name, in the order of the list."""
    try:
        data = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ListError(f"{path.name} cannot be read: {error}") from error
    mutants = [m for entry in data.get("mutant", []) for m in _from_entry(entry)]
    seen: set[tuple[str, str]] = set()
    for mutant in mutants:
        if (mutant.name, mutant.stage) in seen:
            raise ListError(f"{mutant.name}: the name stands twice in the list")
        seen.add((mutant.name, mutant.stage))
    return mutants


def _from_entry(entry: dict[str, Any]) -> list[Mutant]:
    name = entry.get("name", "a mutant without name")
    missing = [key for key in REQUIRED if not isinstance(entry.get(key), str)]
    if missing:
        raise ListError(f"{name}: it lacks {', '.join(missing)}")
    foreign = sorted(set(entry) - {*REQUIRED, *OPTIONAL})
    if foreign:
        raise ListError(f"{name}: {', '.join(foreign)} is no key of a mutant; the optional ones are "
                        f"{', '.join(OPTIONAL)}")
    status = entry.get("status", "")
    if status and status not in STATUSES:
        raise ListError(f"{name}: status {status} is none of {', '.join(STATUSES)}")
    if entry["find"] == entry["replace"]:
        raise ListError(f"{name}: find and replace are the same text")
    stages = entry.get("stages") or [entry.get("stage")]
    if stages == [None]:
        raise ListError(f'{name}: it names no stage; write stage = "01" or stages = ["01", "03"]')
    return [Mutant(stage=stage, status=status, **{key: entry[key] for key in REQUIRED}) for stage in stages]
