"""Which tests of which stages have to run, and which read `=` because they can see nothing that has changed.

A cell is one test file at one stage. Its key (see reach.py) holds everything of the stage that the test can see. A cell
whose key is that of the stage before it has the same result: it reads `=`, is neither compiled nor run, and counts if its
origin passed, which is the cell of that key that runs. Only stages of the same run are compared, so the first of them runs
all of its tests.

The rule is itself under test: some of the cells that read `=` are drawn by the hash of a commit and run all the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from test_runner.catch_report import Case
from test_runner.reach import Reach
from treadle_tools import stages

ONE_IN = 10  # of the cells that read `=`, as many run all the same when a commit draws
ROW = re.compile(r"^(\d\d) +(\S+)", re.MULTILINE)
Cell = tuple[str, str]  # ("05-thread-safety", "test_poller.cpp")
Choice = TypeVar("Choice")
KeyOf = Callable[[str, str], str]  # stage, test file -> key


def test_files(root: Path, stage: str) -> list[str]:
    """The test files that apply to a stage, by the table in tests/stages.txt."""
    rows = ROW.findall((root / "tests/stages.txt").read_text())
    return [name for first, name in rows if first <= stage[:2]]


def key_of_tests(root: Path) -> KeyOf:
    """The key of a test file at a stage of the tree."""
    reaches: dict[str, Reach] = {}

    def key(stage: str, name: str) -> str:
        reach = reaches.setdefault(stage, Reach(root, root / "chapters" / stage))
        return reach.key(root / "tests" / name)

    return key


@dataclass
class Selection:
    """For each cell its origin: itself if it runs."""

    origins: dict[Cell, str] = field(default_factory=dict)
    drawn: set[Cell] = field(default_factory=set)

    def runs(self, stage: str) -> list[str]:
        """The files of a stage that run."""
        return [name for (own, name), origin in self.origins.items()
                if own == stage and (origin == stage or (own, name) in self.drawn)]

    def equal(self) -> dict[Cell, str]:
        """The cells that read `=`, with the stage that runs for each."""
        return {cell: origin for cell, origin in self.origins.items() if origin != cell[0] and cell not in self.drawn}

    def write(self, folder: Path) -> None:
        """Tell CMake, which looks again if one of these files has changed."""
        folder.mkdir(parents=True, exist_ok=True)
        for stage in dict.fromkeys(stage for stage, _ in self.origins):
            path, text = folder / f"{stage}.txt", "".join(f"{name}\n" for name in self.runs(stage))
            if not path.exists() or path.read_text() != text:
                path.write_text(text)


def plan(files: dict[str, Sequence[str]], key_of: KeyOf, everything: bool = False, draw: str = "") -> Selection:
    """Compare each stage with the one before it; `files` has the stages in order. `draw` is a commit's hash."""
    selection = Selection()
    before: dict[str, str] = {}
    last = ""
    for stage, names in files.items():
        keys = {name: key_of(stage, name) for name in names} if len(files) > 1 and not everything else {}
        for name in names:
            same = bool(keys) and before.get(name) == keys[name]
            selection.origins[stage, name] = selection.origins[last, name] if same else stage
            if same and draw and is_drawn((stage, name), draw):
                selection.drawn.add((stage, name))
        before, last = keys, stage
    return selection


def is_drawn(cell: Cell, draw: str) -> bool:
    return _number(draw, *cell) % ONE_IN == 0


def drawn(choices: Sequence[Choice], draw: str, *purpose: str) -> Choice:
    """One of several, which the hash `draw` chooses: another one for another purpose."""
    return choices[_number(draw, *purpose) % len(choices)]


def newest_and_one(chosen: Sequence[Choice], draw: str, purpose: str) -> list[Choice]:
    """Of several stages, in order, the last and another one, which `draw` chooses; all if it is empty.

    So that what is done with each of them does not take longer with each new one.
    """
    if not draw or len(chosen) < 3:
        return list(chosen)
    return [drawn(chosen[:-1], draw, purpose), chosen[-1]]


def _number(*words: str) -> int:
    return int(hashlib.sha256("\0".join(words).encode()).hexdigest(), 16)


def of_stages(root: Path, names: Sequence[str], everything: bool = False, draw: str = "") -> Selection:
    """The selection for a run over these stages of the tree."""
    consecutive = [stage.name for stage in stages.stages(root) if stage.name in names]
    return plan({stage: test_files(root, stage) for stage in consecutive}, key_of_tests(root), everything, draw)


# --- Examples, by the same rule ---


def examples(root: Path, stage: str) -> list[str]:
    """The programs of a stage's examples/, by name."""
    return sorted(path.stem for path in (root / "chapters" / stage / "examples").glob("*.cpp"))


def key_of_examples(root: Path) -> KeyOf:
    """The key of an example: its source, what all examples of the stage link and read, and the library."""
    reaches: dict[str, Reach] = {}

    def key(stage: str, name: str) -> str:
        home = root / "chapters" / stage
        folder = home / "examples"
        reach = reaches.setdefault(stage, Reach(root, home, kit=(), more_places=(folder,)))
        shared = [path for path in folder.rglob("*") if path.is_file() and path.name != "tour.txt"]
        shared = [path for path in shared if path.parent != folder or path.suffix != ".cpp"]
        return reach.key(folder / f"{name}.cpp", *shared)

    return key


def of_examples(root: Path, names: Sequence[str], everything: bool = False) -> Selection:
    """The selection for building the examples of these stages."""
    consecutive = [stage.name for stage in stages.stages(root) if stage.name in names]
    return plan({stage: examples(root, stage) for stage in consecutive}, key_of_examples(root), everything)


def fill_in(chosen: Selection, tree: Path) -> None:
    """Put the origin's program where each example that reads `=` would be: tours and transcripts look for it there."""
    for (stage, name), origin in chosen.equal().items():
        made, wanted = (tree / "chapters" / each / "examples" / name for each in (origin, stage))
        if made.exists() and not (wanted.exists() and wanted.samefile(made)):
            wanted.parent.mkdir(parents=True, exist_ok=True)
            wanted.unlink(missing_ok=True)
            wanted.hardlink_to(made)


# --- What it means for the results ---


def of_file(cases: Sequence[Case], name: str) -> list[Case]:
    return [case for case in cases if case.file == name]


def proven(selection: Selection, runs: dict[str, list[Case]]) -> dict[Cell, list[Case]]:
    """The cells that read `=`, with the cases of their origin, which all passed."""
    found = {}
    for (stage, name), origin in selection.equal().items():
        cases = of_file(runs.get(origin, []), name)
        if cases and all(case.passed for case in cases):
            found[stage, name] = cases
    return found


def not_proven(selection: Selection, runs: dict[str, list[Case]]) -> list[Cell]:
    """The cells that were left out although their origin failed or did not run."""
    return sorted(set(selection.equal()) - set(proven(selection, runs)))


def wrong_draws(selection: Selection, runs: dict[str, list[Case]]) -> list[Case]:
    """A failed case for each drawn cell that ended otherwise than its origin: then the rule has overlooked something.

    Where one of the two did not run, as its stage does not compile, there is nothing to compare.
    """
    found = []
    for cell in sorted(selection.drawn):
        drawn, original = outcome(runs, *cell), outcome(runs, selection.origins[cell], cell[1])
        if drawn and original and drawn != original:
            found.append(_wrong(cell, selection.origins[cell]))
    return found


def outcome(runs: dict[str, list[Case]], stage: str, name: str) -> set[tuple[str, bool]]:
    return {(case.name, case.passed) for case in of_file(runs.get(stage, []), name)}


def _wrong(cell: Cell, origin: str) -> Case:
    stage, name = cell
    return Case(f"Selection: {name} gives the same result at {stage} and {origin}", False, messages=[
        f"By its key, {name} can see nothing of {stage} that {origin} has not; yet the results differ.",
        "Either the key leaves something out (common/tools/test_runner/reach.py), or the test is not repeatable."])
