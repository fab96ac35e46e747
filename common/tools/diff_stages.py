#!/usr/bin/env python3
"""Show what a stage changed: its sources against those of the stage before.

The diff between two stages is the lesson of the chapter. README.md and exercises/ are a chapter's own and are left
out. With --html the diff is a fragment for the book: a <section class="stage-diff"> with a <details> for each file,
whose table rows have the classes diff-hunk, diff-add, diff-del and diff-same; it needs no script.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from treadle_tools import cli, stages, terminal
from treadle_tools.stages import Stage

SHOWN = ("include", "src", "examples", "CMakeLists.txt")
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")


def diff(previous: Stage | None, stage: Stage, options: list[str]) -> str:
    """Git's diff of what both stages teach; without a stage before, everything is added."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        before = _copy(previous, root) if previous else _empty(root)
        after = _copy(stage, root)
        attributes = root / "attributes"
        attributes.write_text("*.cpp diff=cpp\n*.hpp diff=cpp\n", encoding="utf-8")
        command = ["git", "-c", f"core.attributesFile={attributes}", "-c", "core.pager=cat", "diff", "--no-index"]
        command += ["--no-ext-diff", "--histogram", "--no-prefix", "--find-renames", *options, before, after]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        stages.misuse(f"git diff failed: {done.stderr.strip()}")
    return done.stdout


def _empty(root: Path) -> str:
    (root / "nothing").mkdir()
    return "nothing"


def _copy(stage: Stage, root: Path) -> str:
    target = root / stage.name
    target.mkdir()
    for name in SHOWN:
        source = stage.file(name)
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.is_file():
            shutil.copy(source, target / name)
    return stage.name


# ---------------------------------------------------------------------------------------------------------------
# For the book


@dataclass
class Row:
    kind: str  # hunk, add, del, same
    old: int | None
    new: int | None
    text: str


@dataclass
class FileDiff:
    name: str
    rows: list[Row] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(row.kind == kind for row in self.rows)


def parse(text: str, previous: Stage | None, stage: Stage) -> list[FileDiff]:
    """The files of a unified diff, with line numbers for each row."""
    found: list[FileDiff] = []
    old = new = 0
    for line in text.splitlines():
        match = _HUNK.match(line)
        if line.startswith("diff --git "):
            found.append(FileDiff(_name(line, previous, stage)))
            old = new = 0
        elif match:
            old, new = int(match[1]), int(match[2])
            found[-1].rows.append(Row("hunk", None, None, match[3].strip()))
        elif (old or new) and line[:1] in ("+", "-", " "):
            row = _row(line, old, new)
            found[-1].rows.append(row)
            old, new = old + (row.old is not None), new + (row.new is not None)
    return found


def _name(line: str, previous: Stage | None, stage: Stage) -> str:
    path = line.split(" ")[-1]
    for name in (stage.name, previous.name if previous else "nothing"):
        path = path.removeprefix(name + "/")
    return path


def _row(line: str, old: int, new: int) -> Row:
    if line[0] == "+":
        return Row("add", None, new, line[1:])
    if line[0] == "-":
        return Row("del", old, None, line[1:])
    return Row("same", old, new, line[1:])


def as_html(files: list[FileDiff], previous: Stage | None, stage: Stage) -> str:
    against = f"{stage.name} against {previous.name}" if previous else f"{stage.name}, all of it"
    lines = [f'<section class="stage-diff" aria-label="{html.escape(against)}">']
    for file in files:
        lines += _html_file(file)
    return "\n".join([*lines, "</section>"]) + "\n"


def _html_file(file: FileDiff) -> Iterator[str]:
    counts = f'<span class="diff-plus">+{file.count("add")}</span> <span class="diff-minus">&minus;{file.count("del")}</span>'
    yield '<details class="diff-file">'
    yield f"<summary><code>{html.escape(file.name)}</code> {counts}</summary>"
    yield '<div class="diff-scroll"><table class="diff-table"><tbody>'
    yield from (_html_row(row) for row in file.rows)
    yield "</tbody></table></div></details>"


def _html_row(row: Row) -> str:
    text = html.escape(row.text)
    if row.kind == "hunk":
        return f'<tr class="diff-hunk"><td colspan="2"></td><td class="diff-code">{text}</td></tr>'
    sign = {"add": "+", "del": "&minus;", "same": " "}[row.kind]
    numbers = "".join(f'<td class="diff-n">{number or ""}</td>' for number in (row.old, row.new))
    code = f'<td class="diff-code"><span class="diff-sign">{sign}</span>{text}</td>'
    return f'<tr class="diff-{row.kind}">{numbers}{code}</tr>'


def fragment(stage: Stage, root: Path = stages.ROOT) -> str:
    """The diff of a stage against the one before, for a page of the book."""
    previous = stages.before(stage, root)
    return as_html(parse(diff(previous, stage, ["--no-color", "--unified=3"]), previous, stage), previous, stage)


def as_stat(files: list[FileDiff], coloured: bool) -> str:
    """One line a file, and one for all of them."""
    width = max((len(file.name) for file in files), default=0)
    lines = [_stat_line(file.name.ljust(width), file.count("add"), file.count("del"), coloured) for file in files]
    added, removed = (sum(file.count(kind) for file in files) for kind in ("add", "del"))
    lines.append(_stat_line(f"{len(files)} file{'' if len(files) == 1 else 's'}".ljust(width), added, removed, coloured))
    return "\n".join(lines) + "\n"


def _stat_line(name: str, added: int, removed: int, coloured: bool) -> str:
    plus, minus = f"{'+' + str(added):>6}", f"{'-' + str(removed):>6}"
    if coloured:
        plus, minus = f"\033[32m{plus}\033[m", f"\033[31m{minus}\033[m"
    return f"{name} {plus} {minus}"


# ---------------------------------------------------------------------------------------------------------------


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", help="the stage to show, for instance 03")
    parser.add_argument("--against", metavar="STAGE", help="compare with this stage instead of the one before")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--stat", action="store_true", help="only the number of changed lines of each file")
    form.add_argument("--html", action="store_true", help="an HTML fragment, as the book shows it")
    parser.add_argument("--colour", choices=("auto", "always", "never"), default="auto", help="default: on a terminal")
    parser.add_argument("--root", type=Path, default=stages.ROOT, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    root = arguments.root.resolve()
    try:
        stage = stages.find(arguments.stage, root)
        previous = stages.find(arguments.against, root) if arguments.against else stages.before(stage, root)
    except stages.UnknownStage as error:
        stages.misuse(f"diff: {error}")
    coloured = arguments.colour == "always" or (arguments.colour == "auto" and terminal.colours())
    print(_shown(previous, stage, arguments, coloured), end="")
    return 0


def _shown(previous: Stage | None, stage: Stage, arguments: argparse.Namespace, coloured: bool) -> str:
    if arguments.html or arguments.stat:
        files = parse(diff(previous, stage, ["--no-color"]), previous, stage)
        return as_html(files, previous, stage) if arguments.html else as_stat(files, coloured)
    text = diff(previous, stage, [f"--color={'always' if coloured else 'never'}"])
    return text or f"{stage.name} has the same sources as {previous.name if previous else 'nothing'}\n"


if __name__ == "__main__":
    cli.run(main)
