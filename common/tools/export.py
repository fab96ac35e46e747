#!/usr/bin/env python3
"""Copy one chapter out of the tree, to be built and read alone.

Nothing is generated or rewritten: a chapter holds all it needs. Build trees and other things that git ignores stay
behind; the licence goes along.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from treadle_tools import cli, git, stages
from treadle_tools.stages import Stage


GENERATED = {"build", "__pycache__", ".cache", "compile_commands.json"}  # .gitignore names them too


def chapter_files(root: Path, stage: Stage) -> list[Path]:
    """The chapter's files, by their path in it: what git has or would add; without a repository, all but what is generated."""
    place = stage.path.relative_to(root)
    listing = git.ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", str(place))
    if listing is not None:
        names = [Path(os.fsdecode(name)).relative_to(place) for name in listing.split(b"\0") if name]
    else:
        names = [path.relative_to(stage.path) for path in stage.path.rglob("*") if path.is_file()]
        names = [name for name in names if not GENERATED.intersection(name.parts)]
    return sorted(name for name in names if stage.file(str(name)).is_file())


def fault_of(target: Path) -> str | None:
    """Why the target cannot be used; None if it can."""
    if target.exists() and not target.is_dir():
        return f"{target} is a file; OUT must be a folder that is empty or not there yet"
    if target.is_dir() and any(target.iterdir()):
        return f"{target} is not empty; choose another OUT, or empty it yourself"
    return None


def export(root: Path, stage: Stage, target: Path) -> int:
    """Copy; returns the number of files."""
    names = chapter_files(root, stage)
    if not names:
        stages.misuse(f"export: git ignores every file of {stage.name}, so there is nothing to copy")
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(stage.path / name, target / name)
    if (root / "LICENSE").is_file() and not (target / "LICENSE").exists():
        shutil.copy2(root / "LICENSE", target / "LICENSE")
    return len(names)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", help="the chapter to copy, for instance 03")
    parser.add_argument("out", type=Path, help="a folder that is empty or not there yet")
    parser.add_argument("--root", type=Path, default=stages.ROOT, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    root, target = arguments.root.resolve(), Path(os.path.expanduser(arguments.out))  # `OUT=~/dir` comes with its ~
    try:
        stage = stages.find(arguments.stage, root)
    except stages.UnknownStage as error:
        stages.misuse(f"export: {error}")
    fault = fault_of(target)
    if fault:
        stages.misuse(f"export: {fault}")
    count = export(root, stage, target)
    print(f"export: {count} files of {stage.name} are in {target}")
    print(f"build them with: cmake -S {target} -B {target}/build && cmake --build {target}/build")
    return 0


if __name__ == "__main__":
    cli.run(main)
