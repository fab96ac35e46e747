"""A tiny tree with two exercises that needs nothing of the runtime, for the tests of the exercise tools."""
from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1]
REPOSITORY = TOOLS.parents[1]
sys.path.insert(0, str(TOOLS))

from treadle_tools import build_folder  # noqa: E402
from treadle_tools.exercises import judge, model  # noqa: E402
from treadle_tools.exercises.model import Exercise, Places  # noqa: E402
from treadle_tools.exercises.toolchain import Toolchain, choose_compiler  # noqa: E402


def fresh_root() -> Path:
    """A copy of the fixture in a directory of its own. Compiled parts are shared with the true exercises: Catch2's main and
    the precompiled headers are the same, and every other part has a name of its own."""
    root = Path(tempfile.mkdtemp(prefix="treadle-fixture-"))
    shutil.copytree(HERE / "chapters", root / "chapters")
    shared = build_folder.of() / "exercises"
    shared.mkdir(parents=True, exist_ok=True)
    (root / "build").mkdir()
    (root / "build/exercises").symlink_to(shared)
    return root


def places(root: Path) -> Places:
    """Where things are in such a copy."""
    return Places(root, root / "work")


def tools(root: Path, sanitize: bool = False) -> Toolchain:
    """The compiler, with the shared cache."""
    return judge.toolchain(places(root), choose_compiler(), sanitize)


def exercise(root: Path, name: str = "double") -> Exercise:
    """One of the two."""
    return model.find(places(root), name)


def write_answer(root: Path, text: str, name: str = "double") -> Path:
    """Puts an answer where a learner's would be."""
    path = places(root).answer(exercise(root, name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
