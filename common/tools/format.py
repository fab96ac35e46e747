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
from pathlib import Path

from treadle_tools import cli

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("chapters", "common", "tests", "book")


def sources(root: Path) -> list[Path]:
    """Every C++ file of ours; what the tools' tests keep as fixtures may look as it likes."""
    found = [path for place in PLACES for path in (root / place).rglob("*.[ch]pp")]
    foreign = re.compile(r"node_modules|fixture")
    return sorted(path for path in found if not any(map(foreign.search, path.relative_to(root).parent.parts)))


def formatted(program: str, path: Path, root: Path) -> bytes:
    """The text as it should be."""
    return subprocess.run([program, f"--style=file:{root / '.clang-format'}", str(path)], check=True,
                          capture_output=True).stdout


def work(program: str, root: Path, only_look: bool) -> list[Path]:
    """The files that are, or were, not in style."""
    wrong = []
    for path in sources(root):
        text = formatted(program, path, root)
        if text != path.read_bytes():
            wrong.append(path)
            if not only_look:
                path.write_bytes(text)
    return wrong


def main() -> int:
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    if program is None:
        print("clang-format is missing; `make setup` installs it.", file=sys.stderr)
        return 2
    only_look = os.environ.get("FORMAT_CHECK", "0") not in ("", "0")
    wrong = work(program, ROOT, only_look)
    for path in wrong:
        print(f"{'not in style' if only_look else 'formatted'}: {path.relative_to(ROOT)}")
    print(f"{len(sources(ROOT))} files, {len(wrong)} {'not in style; `make format` mends them' if only_look else 'changed'}")
    return 1 if wrong and only_look else 0


if __name__ == "__main__":
    cli.run(main)
