"""Compiles what checks share, once: Catch2's main, the stage's library and the headers every check begins with.

Compiling a check alone takes some tenths of a second; Catch2's main takes ten times that. Each shared part is
kept under build/exercises, in a directory named by a hash of everything that went into it, so it can never be stale.
"""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Callable

from .. import build_folder, compiler
from ..compiler import Compiler
from .model import ExerciseError
from .parts import Parts

KIT = Path(__file__).with_name("kit")
BASE_FLAGS = ["-std=c++20", "-O0", "-pthread", "-fdiagnostics-color=never"]
SANITIZE_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g1"]


def choose_compiler() -> Compiler:
    """The compiler of every door, without its launcher: answers are compiled in a cage, and a cache outside is out of reach."""
    try:
        return replace(compiler.chosen(), launcher=())
    except compiler.NoCompiler as error:
        raise ExerciseError(str(error)) from None


def _digest(parts: list[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:16]


def _contents(paths: list[Path]) -> list[bytes]:
    return [path.name.encode() + b"\0" + path.read_bytes() for path in paths]


@dataclass(frozen=True)
class Toolchain:
    """One compiler, with or without sanitizers, and the cache of what it has compiled."""

    cache: Path
    root: Path
    cxx: Compiler
    sanitize: bool = False

    @cached_property
    def version(self) -> str:
        """The compiler's own first line."""
        return _version(self.cxx)

    @property
    def is_clang(self) -> bool:
        """Whether it takes a precompiled header cheaply: g++'s are 100 MB each, clang's 15."""
        return "clang" in self.version

    @property
    def flags(self) -> list[str]:
        """What every translation unit is compiled with."""
        quiet = ["-fno-caret-diagnostics"] if self.is_clang else ["-fno-diagnostics-show-caret"]
        quiet += [] if self.is_clang else ["-foptimize-sibling-calls"]  # g++: without it a chain of awaits eats the stack
        return BASE_FLAGS + quiet + (SANITIZE_FLAGS if self.sanitize else [])

    @cached_property
    def library_flags(self) -> tuple[list[str], list[str]]:
        """Where fmt and Catch2 are: flags to compile and to link, from pkg-config where it knows them."""
        compile_flags, link_flags = [], ["-lfmt"]
        for package in ("fmt", "catch2"):
            compile_flags += _pkg_config("--cflags", package)
        if self.catch_major == 3:
            link_flags += _pkg_config("--libs-only-L", "catch2") + ["-lCatch2"]
        return compile_flags, link_flags

    @cached_property
    def catch_major(self) -> int:
        """Catch2's major version, asked of the preprocessor."""
        return _catch_major(self.cxx)

    def include_flags(self, stage: Path) -> list[str]:
        """The stage's headers, the test kit, our prelude; in this order, so that a stage is never shadowed."""
        places = [stage / "include", self.root / "common", self.root / "common" / "testing", KIT]
        return [f"-I{place}" for place in places if place.is_dir()] + self.library_flags[0]

    # --- what is shared -----------------------------------------------------------------------------------------

    def _cached(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        """The directory of a shared part."""
        return Parts(self.cache).get(name, key, make)

    def _key(self, files: list[Path]) -> str:
        words = " ".join([self.version, str(self.catch_major), *self.flags])
        return _digest([words.encode(), Path(__file__).read_bytes(), *_contents(files)])

    def _compile(self, source: Path, output: Path, flags: list[str], text: str | None = None) -> None:
        """Compile a file or, if there is a `text`, that; `source` is then what an error is about."""
        argv = [*self.cxx.command, *self.flags, *self.library_flags[0], *flags, str(source) if text is None else "-", "-o", str(output)]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ExerciseError(f"{source} does not compile, so nothing can be checked against it:\n{done.stderr[:4000]}")

    def catch_main(self) -> Path:
        """Catch2's main as an object file: without optimisation, as it only starts tests, and without sanitizers."""
        if self.sanitize:
            return Toolchain(self.cache, self.root, self.cxx).catch_main()
        source = KIT / "catch_main.cpp"
        flags = ["-c", "-O0"]
        return self._cached("catch", self._key([source]),
                            lambda out: self._compile(source, out / "main.o", flags)) / "main.o"

    def prelude(self) -> list[str]:
        """Flags that put the prelude in front of a check, precompiled where that is cheap."""
        source = KIT / "exercise_prelude.hpp"
        if not self.is_clang:
            return ["-include", str(source)]
        place = self._cached("prelude", self._key([source]), lambda out: self._compile(
            source, out / "prelude.pch", ["-x", "c++-header", f"-I{KIT}", "-Xclang", "-fvalidate-ast-input-files-content"]))
        return ["-include-pch", str((place / "prelude.pch").resolve())]  # the headers of a check remember this path

    def check_headers(self, stage: Path, check: Path) -> list[str]:
        """Flags that put in front of a check what it includes before the answer, precompiled: every answer to an exercise is
        compiled behind the same headers, and they take longer than the answer."""
        lines = re.findall(r"^#include [<\"].+$", check.read_text(encoding="utf-8").split("#include ANSWER")[0], re.MULTILINE)
        if not self.is_clang or not lines:
            return self.prelude()
        place = self.root / "common" / "testing"
        inputs = [check, *sorted(place.glob("**/*.hpp")), *sorted((stage / "include").glob("**/*.hpp"))]

        flags = ["-x", "c++-header", *self.prelude(), *self.include_flags(stage), f"-I{check.parent}",
                 "-Xclang", "-fvalidate-ast-input-files-content"]

        def make(out: Path) -> None:
            self._compile(check, out / "headers.pch", flags, "\n".join(lines) + "\n")
        key = _digest([self._key(inputs).encode(), str(check).encode(), str(self.root).encode()])  # it remembers where they are
        made = self._cached(f"headers-{stage.name[:2]}-{check.parent.name}", key, make)
        return ["-include-pch", str(made / "headers.pch")]

    def guard_names(self) -> list[str]:
        """Every name Catch2's macros are called or use, so that an answer cannot redefine one of them."""
        source = KIT / "exercise_prelude.hpp"

        def make(out: Path) -> None:
            self._compile(source, out / "macros", ["-E", "-dM", "-x", "c++", f"-I{KIT}"])
            text = (out / "macros").read_text(encoding="utf-8", errors="replace")
            (out / "names").write_text("\n".join(sorted(catch_names(text))), encoding="utf-8")
        return (self._cached("guard", self._key([source]), make) / "names").read_text(encoding="utf-8").split()

    def stage_library(self, stage: Path) -> Path | None:
        """The stage's own sources as an archive: the build tree's if that is up to date, else our own; None without any."""
        sources = sorted((stage / "src").glob("**/*.cpp"))
        if not sources:
            return None
        inputs = sources + sorted(p for p in (stage / "include").glob("**/*") if p.is_file())
        return self._from_build_tree(stage, inputs) or self._cached(
            f"lib{stage.name}", self._key(inputs), lambda out: self._archive(stage, sources, out)) / "lib.a"

    def _from_build_tree(self, stage: Path, inputs: list[Path]) -> Path | None:
        """The archive `make` built for the tests, if this compiler made it and nothing changed since."""
        tree = build_folder.of(self.root) / "dev"
        archive, notes = tree / "chapters" / stage.name / "libtreadle.a", tree / "CMakeCache.txt"
        if self.sanitize or not (archive.is_file() and notes.is_file()):
            return None
        made_by = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.+)$", notes.read_text(encoding="utf-8"), re.MULTILINE)
        if not made_by or os.path.realpath(made_by.group(1)) != os.path.realpath(shutil.which(self.cxx.program) or ""):
            return None
        newest = max(path.stat().st_mtime for path in inputs)
        return archive if archive.stat().st_mtime > newest else None

    def kit_library(self, stage: Path) -> Path | None:
        """The test kit's own sources, except those with a main and those of the model. They know no stage, so one library serves all."""
        place = self.root / "common" / "testing"
        sources = [p for p in sorted(place.glob("**/*.cpp"))
                   if p.parent.name != "model"
                   and not re.search(r"CATCH_CONFIG_(MAIN|RUNNER)|\bmain *\(", p.read_text(encoding="utf-8"))]
        if not sources:
            return None
        inputs = sources + sorted(place.glob("**/*.hpp"))
        return self._cached("kit", self._key(inputs), lambda out: self._archive(stage, sources, out)) / "lib.a"

    def _archive(self, stage: Path, sources: list[Path], out: Path) -> None:
        flags = ["-c", *self.include_flags(stage)]
        objects = self._all_at_once(sources, flags, out) or self._one_by_one(sources, flags, out)
        subprocess.run(["ar", "rcs", str(out / "lib.a"), *map(str, objects)], check=True, capture_output=True)

    def _all_at_once(self, sources: list[Path], flags: list[str], out: Path) -> list[Path]:
        """One object of all sources, in a third of the time; none where they do not go together."""
        whole, made = out / "all.cpp", out / "all.o"
        whole.write_text("".join(f'#include "{source}"\n' for source in sources), encoding="utf-8")
        try:
            self._compile(whole, made, flags)
        except ExerciseError:
            return []
        return [made]

    def _one_by_one(self, sources: list[Path], flags: list[str], out: Path) -> list[Path]:
        objects = [out / f"{number}-{source.stem}.o" for number, source in enumerate(sources)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(lambda pair: self._compile(pair[0], pair[1], flags), zip(sources, objects)))
        return objects

    def prepare(self, stage: Path) -> None:
        """Makes every shared part that is missing, side by side: the first check should not wait longer than it must."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            parts = [pool.submit(make) for make in (self.catch_main, self.prelude, self.guard_names,
                                                    lambda: self.stage_library(stage), lambda: self.kit_library(stage))]
            for part in parts:
                part.result()

    def link_inputs(self, stage: Path) -> list[str]:
        """What is linked after a check's own object."""
        archives = [self.stage_library(stage), self.kit_library(stage)]
        used = [str(self.catch_main()), *(str(archive) for archive in archives if archive)]
        return used + self.linker + (self.library_flags[1] if self._needs_fmt(stage) or self.catch_major == 3 else [])

    @property
    def linker(self) -> list[str]:
        """LLVM's own where it is installed: a sanitized check is linked in a third of the time."""
        return ["-fuse-ld=lld"] if self.is_clang and _has_lld(self.cxx) else []

    def _needs_fmt(self, stage: Path) -> bool:
        places = [stage / "src", stage / "include", self.root / "common" / "testing"]
        files = [f for place in places for f in place.glob("**/*") if f.suffix in (".hpp", ".cpp")]
        return any("<fmt/" in f.read_text(encoding="utf-8") for f in files)


def catch_names(macros: str) -> set[str]:
    """From `-dM` output: the test macros, and every name in what they expand to."""
    test = re.compile(r"^#define ((?:INTERNAL_)?CATCH_\w+|\w*(?:CHECK|REQUIRE|TEST_CASE)\w*|SECTION|DYNAMIC_SECTION|INFO|"
                      r"UNSCOPED_INFO|CAPTURE|WARN|FAIL|SUCCEED|GENERATE\w*|ANON\w*|SCENARIO\w*|GIVEN|WHEN|THEN|AND_\w+)\b(.*)$",
                      re.MULTILINE)
    names: set[str] = set()
    for name, body in test.findall(macros):
        names |= {name} | set(re.findall(r"[A-Za-z_]\w*", body))
    return names


@cache
def _version(cxx: Compiler) -> str:
    done = subprocess.run([*cxx.command, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0] if done.stdout else str(cxx)


@cache
def _catch_major(cxx: Compiler) -> int:
    probe = '#if __has_include(<catch2/catch_all.hpp>)\nmajor 3\n#elif __has_include(<catch2/catch.hpp>)\nmajor 2\n#endif\n'
    done = subprocess.run([*cxx.command, "-E", "-P", "-x", "c++", "-"], input=probe, capture_output=True, text=True, check=False)
    match = re.search(r"major (\d)", done.stdout)
    if not match:
        raise ExerciseError("Catch2 is not installed; `make setup` installs it (Debian: catch2)")
    return int(match.group(1))


@cache
def _has_lld(cxx: Compiler) -> bool:
    done = subprocess.run([*cxx.command, "-print-prog-name=ld.lld"], capture_output=True, text=True, check=False)
    return shutil.which(done.stdout.strip()) is not None


@cache
def _pkg_config(what: str, package: str) -> list[str]:
    if not shutil.which("pkg-config"):
        return []
    done = subprocess.run(["pkg-config", what, package], capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []
