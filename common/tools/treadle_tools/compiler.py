"""The compiler: what CXX= names, or what setup.sh chooses. No other file takes CXX apart.

CXX is a command, as for make and CMake: `clang++-19`, `ccache clang++-19`, `clang++-19 -stdlib=libc++`. The words before
the first option are programs. The last of them is the compiler; those before it are its launcher.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SETUP = Path(__file__).resolve().parents[1] / "setup.sh"


class NoCompiler(Exception):
    """CXX names no program, or there is no compiler; the message is the sentence for the user."""


@dataclass(frozen=True)
class Compiler:
    """A compiler with its launcher and its own options."""

    program: str
    launcher: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(self.command)

    @property
    def name(self) -> str:
        return Path(self.program).name

    @property
    def command(self) -> list[str]:
        return [*self.launcher, *self.direct]

    @property
    def direct(self) -> list[str]:
        """Without the launcher, for a place where its cache or its network is not to be had."""
        return [self.program, *self.options]

    @property
    def cmake(self) -> list[str]:
        """Arguments for a CMake project that has no preset."""
        return [f"-DCMAKE_CXX_COMPILER={';'.join(self.direct)}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={';'.join(self.launcher)}"]

    @property
    def environment(self) -> dict[str, str]:
        """Variables for a CMake project with presets, which may name a compiler of their own."""
        launcher = {"CMAKE_CXX_COMPILER_LAUNCHER": ";".join(self.launcher)} if self.launcher else {}
        return {"CXX": " ".join(self.direct), **launcher}


def parse(cxx: str) -> Compiler:
    """The parts of a CXX. One that is itself the path of a program, with spaces perhaps, has no other part."""
    words = [cxx] if shutil.which(cxx) else shlex.split(cxx)
    count = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    if count == 0:
        raise NoCompiler(f"CXX={cxx} names no compiler.")
    return Compiler(words[count - 1], tuple(words[:count - 1]), tuple(words[count:]))


def chosen() -> Compiler:
    """What CXX= names; without it clang 19, and without that the best that is here."""
    done = subprocess.run(["sh", str(SETUP), "--cxx"], capture_output=True, text=True)
    if done.returncode != 0:
        raise NoCompiler(done.stderr.strip() or "There is no C++20 compiler here; `make setup` installs one.")
    return parse(done.stdout.strip())
