"""Builds the programs: one CMake project of its own, one build directory a compiler."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from treadle_tools import build_folder, compiler
from treadle_tools.compiler import Compiler

from . import peers
from .errors import Misuse, Trouble
from .rows import ROOT, Row
from .workloads import BENCH, Workload

FLAGS = "-O2 -DNDEBUG"
ERROR = re.compile(r"\berror\b.*:|CMake Error|undefined reference", re.IGNORECASE)


@dataclass(frozen=True)
class Build:
    """Where the programs are, and what became of them."""

    compiler: Compiler
    directory: Path
    log: Path

    def program(self, name: str) -> Path:
        return self.directory / "bin" / name

    def has(self, row: Row) -> bool:
        return not row.is_compiled or self.program(row.program).exists()


def chosen_compiler() -> Compiler:
    """The compiler that every door takes."""
    try:
        return compiler.chosen()
    except compiler.NoCompiler as error:
        raise Misuse(str(error)) from None


def run_logged(command: list[str], log: Path) -> int:
    with log.open("a") as out:
        out.write(" ".join(command) + "\n")
        out.flush()
        return subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False).returncode


def last_error(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if ERROR.search(line)]
    return lines[0].strip() if lines else "no line says error"


def targets_of(rows: list[Row], workloads: list[Workload]) -> list[str]:
    """A stage's book_server is built only where a column asks for it: it takes as long as all the other programs."""
    servers = [row.file_server for row in rows for w in workloads if w.is_file and row.stage is not None and row.has(w)]
    return ["load", *sorted({row.program for row in rows if row.is_compiled} | set(servers))]


def build(chosen: Compiler, wanted: list[Row], workloads: list[Workload]) -> Build:
    """Builds everything that can be built: a stage that does not compile must not hide the others."""
    if not peers.require("cmake", "cmake"):
        raise Trouble("cmake is missing; install it, or leave out NO_INSTALL=1")
    directory = build_folder.of(ROOT) / "bench" / chosen.name
    directory.mkdir(parents=True, exist_ok=True)
    made = Build(chosen, directory, directory / "build.log")
    made.log.write_text("")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    configure = ["cmake", "-S", str(BENCH), "-B", str(directory), *generator, *chosen.cmake]
    if run_logged([*configure, "-DCMAKE_BUILD_TYPE=Release"], made.log) != 0:
        raise Trouble(f"CMake cannot configure the benchmarks ({last_error(made.log)}); all of it is in {made.log}")
    build_targets(made, targets_of(wanted, workloads))
    if not made.program("load").exists():
        raise Trouble(f"the load client does not build ({last_error(made.log)}); all of it is in {made.log}")
    return made


def build_targets(made: Build, targets: list[str]) -> None:
    """Where the build of all fails, each is tried alone, and a program that does not build is taken away."""
    command = ["cmake", "--build", str(made.directory), "--parallel", str(os.cpu_count() or 1), "--target"]
    if run_logged([*command, *targets], made.log) == 0:
        return
    for target in targets:
        if run_logged([*command, target], made.log) != 0:
            made.program(target).unlink(missing_ok=True)
            peers.say(f"bench: {target} does not build ({last_error(made.log)}); all of it is in {made.log}")
