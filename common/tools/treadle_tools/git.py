"""What git says of this tree, and of no other.

A tree that was unpacked below another repository has none of its own. There git answers from the repository above, which
knows nothing of the tree's files and counts commits of something else.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def has_repository(root: Path) -> bool:
    """Whether the tree is a work tree of git's by itself."""
    top = _run(root, "rev-parse", "--show-toplevel")
    return top is not None and os.path.realpath(os.fsdecode(top).rstrip("\n")) == os.path.realpath(root)


def ask(root: Path, *arguments: str) -> bytes | None:
    """The output of a git command; None if the tree has no repository, there is no git, or the command fails."""
    return _run(root, *arguments) if has_repository(root) else None


def _run(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
