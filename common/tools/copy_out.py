"""Copies chapters out of the tree and builds them where nothing else of it is: the promise that a stage stands alone.

For each stage: copy the directory to an empty place, configure, build, and run the examples as the tour does. With
--install the newest stage is installed as well, and a foreign project that only knows find_package(treadle) is built
against it and run; then the same project with the whole tree as a subdirectory.

With a commit's hash in TREADLE_DRAW, as in CI, it copies the newest stage and another one, which the hash chooses.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tour
from test_runner import selection
from treadle_tools import cli, compiler, stages
from treadle_tools.compiler import Compiler

CONSUMER = Path(__file__).resolve().parent / "tests" / "consumer"


def must(command: list[str], cwd: Path | None = None) -> str:
    """Runs a command; its output is shown only where it fails."""
    done = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    if done.returncode != 0:
        print(f"failed: {' '.join(command)}\n{done.stdout}", file=sys.stderr)
        raise SystemExit(1)
    return done.stdout


def build(cxx: Compiler, source: Path, into: Path, *options: str) -> None:
    """Without debug information, which nobody reads here."""
    quick = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0"]
    must(["cmake", "-G", "Ninja", "-S", str(source), "-B", str(into), *quick, *cxx.cmake, *options])
    must(["cmake", "--build", str(into)])


def copy_out(cxx: Compiler, stage: stages.Stage, empty: Path) -> None:
    copy = empty / "copy"
    shutil.copytree(stage.path, copy)
    build(cxx, copy, empty / "chapters" / stage.name)  # where the tour looks for examples
    if not tour.tour(tour.plan([stage]), empty):
        print(f"{stage.name}: an example of the chapter that was built alone fails", file=sys.stderr)
        raise SystemExit(1)
    print(f"{stage.name}: builds alone, and its examples run")


def install_and_use(cxx: Compiler, stage: stages.Stage, empty: Path) -> None:
    build(cxx, stage.path, empty / "build", "-DTREADLE_EXAMPLES=OFF", f"-DCMAKE_INSTALL_PREFIX={empty / 'prefix'}")
    must(["cmake", "--install", str(empty / "build")])
    use(cxx, empty / "consumer", f"-DCMAKE_PREFIX_PATH={empty / 'prefix'}")
    print(f"{stage.name}: installed, found by find_package(treadle), used")
    use(cxx, empty / "whole", f"-DTREADLE_SOURCE={stages.ROOT}")
    print(f"{stage.name}: used by a project that has the whole tree as a subdirectory")


def use(cxx: Compiler, tree: Path, option: str) -> None:
    """Builds the foreign project and runs its program."""
    build(cxx, CONSUMER, tree, option)
    said = must([str(tree / "consumer")]).strip()
    if said != "42 from treadle":
        print(f"the foreign project printed {said!r}", file=sys.stderr)
        raise SystemExit(1)


def drawn(draw: str) -> list[stages.Stage]:
    return selection.newest_and_one(stages.stages(), draw, "copy_out")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", nargs="*", help="03 or 03-sockets; all stages where none is named")
    parser.add_argument("--install", action="store_true", help="also install the newest stage and use it from a foreign project")
    options = parser.parse_args()
    try:
        chosen = [stages.find(name) for name in options.stage] or drawn(os.environ.get("TREADLE_DRAW", ""))
        cxx = compiler.chosen()
    except (stages.UnknownStage, compiler.NoCompiler) as error:
        stages.misuse(str(error))
    for stage in chosen:
        with tempfile.TemporaryDirectory() as empty:
            copy_out(cxx, stage, Path(empty))
    if options.install:
        with tempfile.TemporaryDirectory() as empty:
            install_and_use(cxx, stages.newest(), Path(empty))


if __name__ == "__main__":
    cli.run(main)
