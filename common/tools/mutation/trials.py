"""Build a stage with one test file, as it is or with a mutant in it, and run test cases of it.

A program contains the sources that a linker could take for the test from a library of the stage, and no others. All
unbroken cases of one test file run in one process. A mutant runs its own case in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from mutation import slices
from mutation.listing import Mutant
from mutation.objects import CompileError, LinkError, Places, Store
from mutation.reached import Reached
from test_runner import catch_program
from test_runner.catch_report import Case
from treadle_tools.stages import Stage

UNBROKEN_LIMIT = 60.0  # seconds for one unbroken test case
SLOWER = 5  # a mutant's case may take this many times what the unbroken cases of its file take together


@dataclass(frozen=True)
class Outcome:
    """How one test case ended: pass, fail, crash, hang, or missing if there is no such case."""

    status: str
    reason: str = ""

    @property
    def caught(self) -> bool:
        return self.status in ("fail", "crash", "hang")


@dataclass(frozen=True)
class Ran:
    """The outcomes of some cases of one test file, and how long they took together."""

    outcomes: dict[str, Outcome]
    seconds: float


class Trials:
    """Builds and runs. Several threads may use it at once; `jobs` programs run at a time, besides the compilers."""

    def __init__(self, root: Path, store: Store, reached: Reached, pairs: Iterable[tuple[Stage, Mutant]], jobs: int,
                 time_limit: float) -> None:
        self._root = root
        self._store = store
        self._reached = reached
        self._time_limit = time_limit
        self._running = threading.Semaphore(jobs)
        self._kit = sorted((root / "common/testing/kit").glob("*.cpp"))
        self._cases: dict[tuple[Stage, str], set[str]] = {}  # of each test file in each stage, those that a mutant names
        for stage, mutant in pairs:
            self._cases.setdefault((stage, mutant.test), set()).add(mutant.case)
        self._lock = threading.Lock()
        self._unbroken: dict[tuple[Stage, str], Future[Ran]] = {}

    # --- The two questions ---

    def unbroken(self, stage: Stage, test: str) -> Ran:
        """Run the named cases of a test file on the stage as it is. Whichever thread asks first runs them."""
        with self._lock:
            is_first = (stage, test) not in self._unbroken
            future = self._unbroken.setdefault((stage, test), Future())
        if is_first:
            try:
                future.set_result(self._try_unbroken(stage, test))
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def broken(self, stage: Stage, mutant: Mutant) -> Outcome:
        """Run the mutant's case on the stage with the mutant in it."""
        limit = max(self._time_limit, SLOWER * self.unbroken(stage, mutant.test).seconds)
        with tempfile.TemporaryDirectory(prefix="treadle-mutant-") as folder:
            copy = Path(folder) / stage.name
            _copy_with(mutant, stage.path, copy)
            program = Path(folder) / "tests"
            self._link(stage, mutant.test, lambda sources: self._broken_objects(stage, copy, mutant, sources), program)
            return self._run(program, [mutant.case], limit).outcomes[mutant.case]

    def _try_unbroken(self, stage: Stage, test: str) -> Ran:
        cases = self._cases[stage, test]
        with tempfile.TemporaryDirectory(prefix="treadle-mutant-") as folder:
            program = Path(folder) / "tests"
            self._link(stage, test, lambda sources: self._objects(stage, test, sources), program)
            return self._run(program, sorted(cases), UNBROKEN_LIMIT)

    # --- Building ---

    def _link(self, stage: Stage, test: str, objects: Callable[[set[Path]], list[Path]], program: Path) -> None:
        """Link the sources that the test reaches; all there are if a definition is missing, as a mutant may need another."""
        reached = set(self._reached.sources(stage, test))
        try:
            self._store.link(objects(reached), program)
        except LinkError:
            self._store.link(objects({*(stage.path / "src").rglob("*.cpp"), *self._kit}), program)

    def _objects(self, stage: Stage, test: str, sources: set[Path]) -> list[Path]:
        """The stage as it is, with the cases of the test file that mutants name."""
        places = self._places(stage.path)
        objects = [self._store.object(source, places) for source in sorted(sources)]
        return [self._test(test, self._cases[stage, test], places), *(each.result() for each in objects)]

    def _broken_objects(self, stage: Stage, copy: Path, mutant: Mutant, sources: set[Path]) -> list[Path]:
        """From the copy what the mutant changes, and from the stage itself everything else."""
        places, file, test = self._places(stage.path), stage.path / mutant.file, self._root / "tests" / mutant.test
        sources = sources | ({file} if file.suffix == ".cpp" else set())
        changed = {source for source in sources if file in self._store.texts.closure(source, places)}
        if file not in self._store.texts.closure(test, places):
            return [*self._objects(stage, mutant.test, sources - changed), *self._changed(changed, stage, copy)]
        objects = [self._store.object(source, places) for source in sorted(sources - changed)]
        own = self._test(mutant.test, {mutant.case}, self._places(copy))
        return [own, *(each.result() for each in objects), *self._changed(changed, stage, copy)]

    def _changed(self, sources: set[Path], stage: Stage, copy: Path) -> list[Path]:
        """The objects of sources that a mutant changes. Those of the stage are compiled as one if they allow it."""
        places = self._places(copy)
        own = sorted(source.relative_to(stage.path) for source in sources if source.is_relative_to(stage.path))
        kit = [self._store.object(source, places) for source in sorted(sources) if not source.is_relative_to(stage.path)]
        try:
            joint = [self._joint(own, places).result()] if len(own) > 1 else []
        except CompileError:
            joint = []  # two of them use a name for different things; or the message will name the one that is wrong
        single = [] if joint else [self._store.object(copy / source, places) for source in own]
        return [*joint, *(each.result() for each in [*single, *kit])]

    def _joint(self, sources: Sequence[Path], places: Places) -> Future[Path]:
        text = "".join(f'#include "{source.relative_to("src")}"\n' for source in sources)
        return self._store.object(self._store.write("joint.cpp", text), places)

    def _test(self, test: str, cases: Collection[str], places: Places) -> Path:
        """The object of the test file with these cases; with all of them if that does not compile."""
        path = self._root / "tests" / test
        text = path.read_text()
        if set(cases) <= set(slices.case_names(text)):
            source = self._store.write(test, f'#line 1 "{path}"\n{slices.only(text, cases)}')
            try:
                return self._store.object(source, places).result()
            except CompileError:
                pass
        return self._store.object(path, places).result()

    def _places(self, stage: Path) -> Places:
        return stage / "include", self._root / "common", stage / "src", self._root / "tests"

    # --- Running ---

    def _run(self, program: Path, cases: Sequence[str], limit: float) -> Ran:
        """Run the cases, again without those that ended the process until each has an outcome."""
        outcomes: dict[str, Outcome] = {}
        seconds = 0.0
        while remaining := [case for case in cases if case not in outcomes]:
            with self._running:
                begun = time.monotonic()
                found = _run_once(program, remaining, limit)
                seconds += time.monotonic() - begun
            ran = {case: found[case] for case in remaining if case in found}
            outcomes.update(ran or {case: Outcome("missing") for case in remaining})
        return Ran(outcomes, seconds)


def _copy_with(mutant: Mutant, stage: Path, copy: Path) -> None:
    """A copy of the stage's sources with the mutant in it; what it leaves unchanged are links."""
    text = mutant.apply(stage)
    for part in ("include", "src"):
        if (stage / part).is_dir():
            shutil.copytree(stage / part, copy / part, copy_function=os.symlink)
    (copy / mutant.file).unlink()
    (copy / mutant.file).write_text(text)


def _run_once(program: Path, cases: list[str], limit: float) -> dict[str, Outcome]:
    """The outcomes of the cases that ran; none if the program has no such case."""
    names = catch_program.names_file(program.with_suffix(".names"), cases)
    end, found = catch_program.run_once(program, program.with_suffix(".xml"), ["-f", str(names)], limit)
    outcomes = {case.name: _outcome(case) for case in found.cases}
    ending = Outcome("hang" if end.hung else "crash", end.describe(limit))
    if found.open_case is not None:
        outcomes[found.open_case] = ending
    elif end.hung or (end.code < 0 and not outcomes):
        outcomes[found.cases[-1].name if found.cases else cases[0]] = ending
    elif end.code != 0 and outcomes and all(case.passed for case in found.cases):
        outcomes[found.cases[-1].name] = ending
    return outcomes


def _outcome(case: Case) -> Outcome:
    if case.passed:
        return Outcome("pass")
    return Outcome("crash" if case.fatal else "fail", case.messages[0] if case.messages else "")
