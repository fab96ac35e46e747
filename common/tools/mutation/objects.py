"""Compile and link, each distinct input once.

An object is stored under a key made of everything that it depends on: the compiler, the flags, the source, and all that
the source includes by "quotes", transitively. Two stages that give a source the same text share its object, a mutant
compiles only what it changes, and a second run compiles nothing.

The system's headers are more than half of what a source costs to compile. With clang, those that the tree uses are
precompiled once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+\.[hc]pp)[">]', re.MULTILINE)
_PROBE = re.compile(rb'__has_include[ \t]*\([ \t]*["<]([^">]+\.hpp)[">]')
# What is worth precompiling: the headers of C++ and of fmt. POSIX headers are small, and define macros.
_SYSTEM = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([a-z_]+|fmt/\w+\.h)>", re.MULTILINE)
CATCH = """\
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
"""
CATCH_MAIN = """\
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif
"""


Places = tuple[Path, ...]  # the folders that are searched for what a source includes by quotes


class CompileError(Exception):
    """It does not compile or link; the message is the compiler's."""


class LinkError(CompileError):
    """It does not link."""


class Compiler:
    """The compiler with the flags that all objects share."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._version = subprocess.run([*self._command, "--version"], capture_output=True).stdout
        self.is_clang = b"clang" in self._version
        self._flags = ["-std=c++20", "-O0", "-w", "-pthread", "-DCATCH_CONFIG_FAST_COMPILE"]
        if b"Free Software Foundation" in self._version:
            self._flags.append("-foptimize-sibling-calls")  # the library itself asks for it
        self.identity = self._version + " ".join([*self._command, *self._flags]).encode()
        self._linker = ["-fuse-ld=lld"] if self.is_clang and shutil.which(self._ask("-print-prog-name=ld.lld")) else []
        catch3 = ["-lCatch2"] if Path("/usr/include/catch2/catch_all.hpp").exists() else []
        # Catch2's main as a library, if the compiler finds one. Compiling it takes ten seconds.
        main = self._ask("-print-file-name=libCatch2WithMain.a")
        self.has_catch_main = Path(main).is_absolute()
        self._libraries = [*([main] if self.has_catch_main else []), *catch3, "-lfmt"]

    def _ask(self, question: str) -> str:
        return subprocess.run([*self._command, question], capture_output=True, text=True).stdout.strip()

    def run(self, *arguments: str) -> None:
        done = subprocess.run([*self._command, *self._flags, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise CompileError(done.stderr.strip())

    def link(self, objects: Iterable[Path], program: Path) -> None:
        try:
            self.run(*map(str, objects), *self._linker, *self._libraries, "-o", str(program))
        except CompileError as error:
            raise LinkError(*error.args) from error


class Texts:
    """The files of the tree as they were when they were first read, and what they include."""

    def __init__(self) -> None:
        self._bytes: dict[Path, bytes] = {}
        self._names: dict[Path, tuple[list[str], list[str]]] = {}
        self.closure = cache(self._closure)
        self.digest = cache(self._digest)

    def read(self, path: Path) -> bytes:
        if path not in self._bytes:
            self._bytes[path] = path.read_bytes()
        return self._bytes[path]

    def _closure(self, source: Path, places: Places) -> dict[Path, str]:
        """The source and every file that it includes by quotes, as far as the files are ours, each with its name."""
        found: dict[Path, str] = {}
        waiting = [(source, source.name)]
        while waiting:
            path, name = waiting.pop()
            if path not in found:
                found[path] = name
                looked_up = ((_find(each, path, places), each) for each in self._included(path)[0])
                waiting += [(each, name) for each, name in looked_up if each]
        return found

    def _digest(self, source: Path, places: Places) -> bytes:
        """Of all that the source's object depends on, the directories' own names left out."""
        digest = hashlib.sha256()
        for path, name in sorted(self.closure(source, places).items(), key=lambda item: item[1]):
            digest.update(f"\0{name}\0".encode() + hashlib.sha256(self.read(path)).digest())
            digest.update("".join(f"{each}?{_find(each, path, places) is not None}" for each in self._included(path)[1]).encode())
        return digest.digest()

    def _included(self, path: Path) -> tuple[list[str], list[str]]:
        if path not in self._names:
            text = self.read(path)
            self._names[path] = tuple([name.decode() for name in pattern.findall(text)] for pattern in (_INCLUDE, _PROBE))
        return self._names[path]


def _find(name: str, includer: Path, places: Places) -> Path | None:
    candidates = (place / name for place in (includer.parent, *places))
    return next((each for each in candidates if each.is_file()), None)


class Store:
    """The objects. `jobs` compilers run at once; several threads may ask."""

    def __init__(self, folder: Path, compiler: Compiler, jobs: int) -> None:
        self._folder = folder
        self._compiler = compiler
        self.texts = Texts()
        self._pool = ThreadPoolExecutor(jobs)
        self._lock = threading.Lock()
        self._futures: dict[Path, Future[Path]] = {}
        self._precompiled: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)

    def precompile(self, files: Iterable[Path]) -> None:
        """Precompile the system's headers that these files use. With g++ it would take 90 MB."""
        if not self._compiler.is_clang:
            return
        names = sorted({name for path in files for name in _SYSTEM.findall(path.read_text())})
        text = CATCH + "".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in names)
        header = self.write("system.hpp", text)
        target = header.with_suffix(".pch")
        # Templates that the headers use are instantiated here instead of in each source.
        self._made(target, lambda: ["-fpch-instantiate-templates", "-x", "c++-header", str(header)]).result()
        self._precompiled = ["-include-pch", str(target)]

    def write(self, name: str, text: str) -> Path:
        """A file with this name and text, in a folder of its own. It never changes once it is there."""
        folder = self._folder / hashlib.sha256(self._compiler.identity + text.encode()).hexdigest()[:32]
        path = folder / name
        with self._lock:
            if not path.exists():
                folder.mkdir(exist_ok=True)
                half = folder / f"{os.getpid()}.tmp"
                half.write_text(text)
                half.replace(path)
        return path

    def object(self, source: Path, places: Places) -> Future[Path]:
        """The object of a source; `places` are searched for what it includes."""
        inputs = self._compiler.identity + " ".join(self._precompiled).encode() + self.texts.digest(source, places)
        target = self._folder / f"{hashlib.sha256(inputs).hexdigest()[:32]}.o"
        return self._made(target, lambda: [*self._precompiled, *(f"-I{place}" for place in places), "-c", str(source)])

    def link(self, objects: Iterable[Path], program: Path) -> None:
        """Link a test program; Catch2's main function is added."""
        every = [*objects, *(future.result() for future in self._catch_main())]
        self._pool.submit(self._compiler.link, every, program).result()

    def _catch_main(self) -> list[Future[Path]]:
        if self._compiler.has_catch_main:
            return []
        source = self.write("catch_main.cpp", CATCH_MAIN)
        return [self._made(source.with_suffix(".o"), lambda: ["-c", str(source)])]

    def _made(self, target: Path, arguments: Callable[[], list[str]]) -> Future[Path]:
        """The target, compiled if it is not there. Two that need it wait for one compilation instead of doing two."""
        with self._lock:
            if target not in self._futures:
                self._futures[target] = self._pool.submit(self._make, target, arguments)
            return self._futures[target]

    def _make(self, target: Path, arguments: Callable[[], list[str]]) -> Path:
        if not target.exists():
            # Under another name first: a run that is stopped must not leave half an object behind.
            half = target.with_suffix(f".{os.getpid()}.tmp")
            self._compiler.run(*arguments(), "-o", str(half))
            half.replace(target)
        return target
