#!/usr/bin/env python3
"""`make format`: bring every C++ file into the style of .clang-format; FORMAT_CHECK=1 only looks.

clang-format 14 decides, because every Debian 12 has it; 16 and 19 agree with it on this code.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from treadle_tools import cli

ROOT = Path(__file__).resolve().parents[2]
BATCH = 40
PLACES = ("chapters", "common", "tests", "book")


def sources(root: Path) -> list[Path]:
    """Every C++ file of ours; what the tools' tests keep as fixtures may look as it likes."""
    found = [path for place in PLACES for path in (root / place).rglob("*.[ch]pp")]
    foreign = re.compile(r"node_modules|fixture")
    return sorted(path for path in found if not any(map(foreign.search, path.relative_to(root).parent.parts)))


def wrong_in_style(program: str, paths: Sequence[Path], root: Path) -> list[Path]:
    """Those that clang-format would change. One process looks at many files: starting it takes longer than reading one."""
    done = subprocess.run([program, f"--style=file:{root / '.clang-format'}", "--output-replacements-xml", *map(str, paths)],
                          check=True, capture_output=True, text=True)
    answers = done.stdout.split("<?xml ")[1:]
    return [path for path, answer in zip(paths, answers, strict=True) if "<replacement " in answer]


def work(program: str, root: Path, only_look: bool) -> list[Path]:
    """The files that are, or were, not in style. Of the copies that stages have of one text, only one is looked at."""
    copies: dict[bytes, list[Path]] = {}
    for path in sources(root):
        copies.setdefault(path.read_bytes(), []).append(path)
    firsts = [paths[0] for paths in copies.values()]
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda at: wrong_in_style(program, firsts[at : at + BATCH], root), range(0, len(firsts), BATCH))
    wrong = [copy for part in parts for path in part for copy in copies[path.read_bytes()]]
    for path in () if only_look else wrong:
        subprocess.run([program, f"--style=file:{root / '.clang-format'}", "-i", str(path)], check=True)
    return sorted(wrong)


def main() -> int:
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if program is None:
        print("clang-format is missing; `make setup` installs it.", file=sys.stderr)
        return 2
    only_look = os.environ.get("FORMAT_CHECK", "0") not in ("", "0")
    wrong = work(program, ROOT, only_look)
    for path in wrong:
        print(f"{'not in style' if only_look else 'formatted'}: {path.relative_to(ROOT)}")
    print(f"{len(sources(ROOT))} files, {len(wrong)} {'not in style; `make format` changes them' if only_look else 'changed'}")
    return 1 if wrong and only_look else 0


if __name__ == "__main__":
    cli.run(main)
