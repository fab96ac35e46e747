"""Which stages the tree has, in order.

A stage is a directory `chapters/NN-name`. No tool keeps a list of its own, so a stage can be added or renamed
without any of them forgetting it. Every function takes the root of the tree, so that tests can bring their own.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[3]

_NAME = re.compile(r"(\d\d)-[a-z0-9-]+$")


class UnknownStage(ValueError):
    """Somebody named a stage that the tree does not have; the message lists the choices."""


@dataclass(frozen=True)
class Stage:
    number: str  # "03"
    name: str  # "03-sockets"
    path: Path  # ROOT/chapters/03-sockets

    def file(self, relative: str) -> Path:
        return self.path / relative


def stages(root: Path = ROOT) -> list[Stage]:
    """All stages, in the order in which they grow from each other."""
    chapters = root / "chapters"
    if not chapters.is_dir():
        return []
    directories = sorted(entry for entry in chapters.iterdir() if entry.is_dir())
    matches = ((_NAME.match(entry.name), entry) for entry in directories)
    return [Stage(match[1], entry.name, entry) for match, entry in matches if match]


def newest(root: Path = ROOT) -> Stage:
    found = stages(root)
    if not found:
        raise UnknownStage(f"there is no stage yet: {root / 'chapters'} has no directory NN-name")
    return found[-1]


def find(wanted: str, root: Path = ROOT) -> Stage:
    """The stage called `wanted`: its number ("3", "03") or its whole name ("03-sockets")."""
    number = wanted.zfill(2) if wanted.isdigit() else wanted
    for stage in stages(root):
        if number in (stage.number, stage.name):
            return stage
    choices = ", ".join(stage.name for stage in stages(root)) or "none yet"
    raise UnknownStage(f"there is no stage {wanted!r}; the stages are: {choices}")


def since(first: str, root: Path = ROOT) -> list[Stage]:
    """The stages from that one on; all of them where `first` is empty."""
    found = stages(root)
    return found[found.index(find(first, root)) :] if first else found


def before(stage: Stage, root: Path = ROOT) -> Stage | None:
    """The stage that `stage` grew from; None for the first."""
    found = stages(root)
    index = found.index(stage)
    return found[index - 1] if index else None


def after(stage: Stage, root: Path = ROOT) -> list[Stage]:
    """All stages that grow from `stage`, nearest first."""
    found = stages(root)
    return found[found.index(stage) + 1 :]


def misuse(sentence: str) -> NoReturn:
    """Say what is wrong with a command line, and leave as every tool here does: status 2."""
    print(sentence, file=sys.stderr)
    raise SystemExit(2)
