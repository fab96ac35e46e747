#!/usr/bin/env python3
"""The growth table: how much each stage has, and how much of that its chapter brought.

Lines are counted in include/ and src/; a line of code holds code, whatever comment stands behind it. "Added",
"changed" and "removed" are lines of code against the stage before. "Tests" are the cases of the shared tests that the
stage runs. The table stands in README.md, and in any page of the book, between <!-- growth --> and <!-- /growth -->.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from treadle_tools import cli, cpp, diff, stages, symbols
from treadle_tools.stages import Stage

_MARKED = re.compile(r"(<!-- growth -->\n).*?(<!-- /growth -->)", re.DOTALL)
_HEADINGS = ("Stage", "Files", "Code lines", "Comment lines", "Added", "Changed", "Removed", "Tests")


@dataclass(frozen=True)
class Row:
    stage: str
    files: int
    code: int
    comments: int
    added: int
    changed: int
    removed: int
    tests: int


def rows(root: Path = stages.ROOT) -> list[Row]:
    found, before = [], {}
    for stage in stages.stages(root):
        now = diff.files(stage)
        found.append(_row(stage, before, now, _test_cases(root, stage)))
        before = now
    return found


def _row(stage: Stage, before: dict[str, str], now: dict[str, str], tests: int) -> Row:
    kinds = [cpp.line_kinds(text) for text in now.values()]
    moves = [_moves(before.get(name, ""), now.get(name, "")) for name in before.keys() | now.keys()]
    added, changed, removed = (sum(column) for column in zip(*moves)) if moves else (0, 0, 0)
    code, comments = sum(len(kind.code) for kind in kinds), sum(len(kind.comment) for kind in kinds)
    return Row(stage.name, len(now), code, comments, added, changed, removed, tests)


def _moves(old: str, new: str) -> tuple[int, int, int]:
    """Lines of code added, changed and removed between two texts."""
    old_code, new_code = cpp.line_kinds(old).code, cpp.line_kinds(new).code
    added = changed = removed = 0
    for hunk in diff.hunks(old, new):
        gone = sum(line in old_code for line in hunk.old_lines)
        come = sum(line in new_code for line in hunk.new_lines)
        both = min(gone, come)
        added, changed, removed = added + come - both, changed + both, removed + gone - both
    return added, changed, removed


def _test_cases(root: Path, stage: Stage) -> int:
    """How many test cases the stage runs, as the sources say."""
    table = root / "tests" / "stages.txt"
    if not table.is_file():
        return 0
    lines = (line.partition("#")[0].split() for line in table.read_text(encoding="utf-8").splitlines())
    names = [line[1] for line in lines if len(line) > 1 and line[0] <= stage.number]
    paths = [root / "tests" / name for name in names]
    return sum(each.kind == "test" for path in paths if path.is_file() for each in symbols.symbols(path))


def markdown(table: list[Row]) -> str:
    lines = ["| " + " | ".join(_HEADINGS) + " |", "|:--" + "|--:" * (len(_HEADINGS) - 1) + "|"]
    for row in table:
        cells = (row.stage, row.files, row.code, row.comments, row.added, row.changed, row.removed, row.tests)
        lines.append("| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def plain(table: list[Row]) -> str:
    """The table for a terminal."""
    cells = [list(_HEADINGS)]
    cells += [[str(value) for value in vars(row).values()] for row in table]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEADINGS))]
    shown = ("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells)
    return "\n".join(shown) + "\n"


# ---------------------------------------------------------------------------------------------------------------


def marked_files(root: Path) -> list[Path]:
    """README.md and those pages of the book that hold the table."""
    pages = sorted((root / "book" / "pages").glob("*.md"))
    candidates = [path for path in (root / "README.md", *pages) if path.is_file()]
    return [path for path in candidates if _MARKED.search(path.read_text(encoding="utf-8"))]


def renewed(text: str, table: str) -> str:
    return _MARKED.sub(lambda match: match[1] + table + match[2], text)


def stale(root: Path, table: str) -> list[Path]:
    """The marked files whose table is not this one."""
    return [path for path in marked_files(root) if renewed(path.read_text("utf-8"), table) != path.read_text("utf-8")]


def _require_readme(root: Path) -> None:
    readme = root / "README.md"
    if readme not in marked_files(root):
        stages.misuse("growth: README.md has no place for the table: put <!-- growth --> and <!-- /growth --> on lines of their own")


def _write(root: Path, table: str) -> None:
    for path in stale(root, table):
        path.write_text(renewed(path.read_text(encoding="utf-8"), table), encoding="utf-8")
        print(f"growth: wrote {path.relative_to(root)}", file=sys.stderr)


def _check(root: Path, table: str) -> int:
    found = stale(root, table)
    for path in found:
        line = path.read_text(encoding="utf-8").split("<!-- growth -->")[0].count("\n") + 1
        print(f"{path.relative_to(root)}:{line}: the growth table is stale: write it again with common/tools/growth.py --write")
    return 1 if found else 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--write", action="store_true", help="also put it into README.md and the pages that have its markers")
    form.add_argument("--check", action="store_true", help="fail if one of these tables is stale")
    form.add_argument("--markdown", action="store_true", help="print the table as Markdown, as the book takes it")
    parser.add_argument("--root", type=Path, default=stages.ROOT, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    root = arguments.root.resolve()
    table = rows(root)
    if arguments.write or arguments.check:
        _require_readme(root)
        if arguments.check:
            return _check(root, markdown(table))
        _write(root, markdown(table))
    print(markdown(table) if arguments.markdown else plain(table), end="")
    return 0


if __name__ == "__main__":
    cli.run(main)
