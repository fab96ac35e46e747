"""Build a stage with one test file, whole or broken, and run one test case of it.

Objects lie in a store under a key made of everything that went into them: compiler, flags, the source, and all that it
includes by "quotes", transitively. So whatever a mutant does not touch is compiled once for all of them, and a second
run compiles nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutation.listing import Mutant
from test_runner import catch_program, catch_report

INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
CATCH_MAIN = """\
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
"""
TEST_HEADERS = """\
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
#include <functional>
#include <optional>
#include <span>
"""


class CompileError(Exception):
    """It does not compile or link; the message holds the compiler's words."""


@dataclass(frozen=True)
class Outcome:
    """What became of one test case: pass, fail, crash, hang, or missing where there is no such case."""

    status: str
    reason: str = ""

    @property
    def caught(self) -> bool:
        return self.status in ("fail", "crash", "hang")


class Workshop:
    """Builds and runs. Several threads may use it at once."""

    def __init__(self, root: Path, store: Path, compiler: str, time_limit: float = 20.0) -> None:
        self._root = root
        self._store = store
        self._compiler = compiler.split()
        self._time_limit = time_limit
        self._flags = ["-std=c++20", "-O0", "-w", "-pthread", "-DCATCH_CONFIG_FAST_COMPILE"]
        self._version = subprocess.run([*self._compiler, "--version"], capture_output=True).stdout
        if b"Free Software Foundation" in self._version:
            self._flags.append("-foptimize-sibling-calls")  # as the library itself asks for
        self._locks_lock = threading.Lock()
        self._locks: dict[Path, threading.Lock] = {}
        store.mkdir(parents=True, exist_ok=True)
        self._catch_libraries = self._installed("libCatch2WithMain.a")
        self._catch_sources = [] if self._catch_libraries else [store / "catch_main.cpp"]
        for source in self._catch_sources:
            source.write_text(CATCH_MAIN)
        header = store / "test_headers.hpp"
        if not header.exists() or header.read_text() != TEST_HEADERS:  # a new date would make the precompiled one stale
            header.write_text(TEST_HEADERS)

    def _installed(self, library: str) -> list[str]:
        """Catch2's main as a library, where the compiler finds one; compiling it takes ten seconds."""
        done = subprocess.run([*self._compiler, f"-print-file-name={library}"], capture_output=True, text=True)
        return [done.stdout.strip()] if Path(done.stdout.strip()).is_absolute() else []

    # --- What the two questions are ---

    def try_whole(self, stage: Path, mutant: Mutant) -> Outcome:
        """Run the mutant's test case on the stage as it is: it must pass."""
        return self._build_and_run(stage, mutant)

    def try_broken(self, stage: Path, mutant: Mutant) -> Outcome:
        """Run it on a copy of the stage with the mutant in it."""
        with tempfile.TemporaryDirectory(prefix="treadle-mutant-") as folder:
            copy = Path(folder) / stage.name
            for part in ("include", "src"):
                if (stage / part).is_dir():
                    shutil.copytree(stage / part, copy / part)
            path = copy / mutant.file
            path.write_text(mutant.apply(path.read_text()))
            return self._build_and_run(copy, mutant)

    # --- Building ---

    def _build_and_run(self, stage: Path, mutant: Mutant) -> Outcome:
        kit, tests = sorted((self._root / "common/testing/kit").glob("*.cpp")), [self._root / "tests" / mutant.test]
        objects = self._library(stage, mutant)
        objects += [self._compile(source, stage) for source in [*kit, *tests, *self._catch_sources]]
        with tempfile.TemporaryDirectory(prefix="treadle-mutant-") as folder:
            program = Path(folder) / "tests"
            self._link(objects, program)
            return self._run(program, mutant.case)

    def _library(self, stage: Path, mutant: Mutant) -> list[Path]:
        """The stage's sources: each for itself where one of them is broken; all at once where a header is, which most of them
        include."""
        sources = sorted((stage / "src").glob("*.cpp"))
        if mutant.file.endswith(".hpp") and len(sources) > 1:
            text = "".join(f'#include "{source.name}"\n' for source in sources)
            whole = self._store / f"all-{hashlib.sha256(text.encode()).hexdigest()[:16]}.cpp"
            whole.write_text(text)
            try:
                return [self._compile(whole, stage)]
            except CompileError:
                pass  # then it is told of the one file whose fault it is
        return [self._compile(source, stage) for source in sources]

    def _include_places(self, stage: Path) -> list[Path]:
        return [stage / "include", self._root / "common", stage / "src"]

    def _compile(self, source: Path, stage: Path) -> Path:
        places = self._include_places(stage)
        target = self._store / f"{self._key(source, places)}.o"
        is_test = source.parent == self._root / "tests"
        return self._made(target, lambda: [*(self._test_headers() if is_test else []), *(f"-I{place}" for place in places),
                                           "-c", str(source)])

    def _test_headers(self) -> list[str]:
        """Catch2 precompiled, where that is cheap (g++'s would be 90 MB): it is half of what a small test costs."""
        if b"clang" not in self._version:
            return []
        header = self._store / "test_headers.hpp"
        key = hashlib.sha256(self._version + TEST_HEADERS.encode() + " ".join(self._flags).encode()).hexdigest()[:32]
        return ["-include-pch", str(self._made(self._store / f"{key}.pch", lambda: ["-x", "c++-header", str(header)]))]

    def _made(self, target: Path, arguments: Callable[[], list[str]]) -> Path:
        """The target, made by the compiler where it is not there yet."""
        with self._lock_of(target):
            if not target.exists():
                # Under another name first: a run that is stopped must leave no half object behind.
                half = target.with_suffix(f".{os.getpid()}.tmp")
                self._call([*self._flags, *arguments(), "-o", str(half)])
                half.replace(target)
        return target

    def _lock_of(self, target: Path) -> threading.Lock:
        """Two mutants that need the same object wait for one compilation instead of doing two."""
        with self._locks_lock:
            return self._locks.setdefault(target, threading.Lock())

    def _link(self, objects: Sequence[Path], program: Path) -> None:
        catch3 = ["-lCatch2"] if Path("/usr/include/catch2/catch_all.hpp").exists() else []
        self._call([*map(str, objects), *self._flags, *self._catch_libraries, *catch3, "-lfmt", "-o", str(program)])

    def _call(self, arguments: Sequence[str]) -> None:
        done = subprocess.run([*self._compiler, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise CompileError(done.stderr.strip())

    def _key(self, source: Path, places: Sequence[Path]) -> str:
        digest = hashlib.sha256(self._version + " ".join([*self._compiler, *self._flags]).encode())
        for path in sorted(include_closure(source, places), key=lambda p: p.name):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:32]

    # --- Running ---

    def _run(self, program: Path, case: str) -> Outcome:
        names = catch_program.names_file(program.with_suffix(".names"), [case])
        end, found = catch_program.run_once(program, program.with_suffix(".xml"), ["-f", str(names)], self._time_limit)
        if end.hung:
            return Outcome("hang", end.describe(self._time_limit))
        if found.open_case is not None or any(c.fatal for c in found.cases):
            return Outcome("crash", end.describe(self._time_limit))
        failed = [c for c in found.cases if not c.passed]
        if failed:
            return Outcome("fail", failed[0].messages[0] if failed[0].messages else "")
        if not found.cases:
            return Outcome("missing", end.output.strip()[-500:])
        return Outcome("pass") if end.code == 0 else Outcome("crash", end.describe(self._time_limit))


def include_closure(source: Path, places: Sequence[Path]) -> set[Path]:
    """The source and every file that it includes by quotes, as far as the files are ours."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for name in INCLUDE.findall(path.read_bytes()):
            candidates = [place / name.decode() for place in (path.parent, *places)]
            waiting += [c for c in candidates if c.is_file()][:1]
    return found
