#!/usr/bin/env python3
"""`make install`: build the newest stage alone, optimised, and install it, so that find_package(treadle) finds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from test_runner import build
from treadle_tools import build_folder, cli, stages

ROOT = Path(__file__).resolve().parents[2]


def nearest_directory(path: Path) -> Path:
    """The path, or the nearest directory above it that there is."""
    return path if path.is_dir() else nearest_directory(path.parent)


def run(stage: stages.Stage, prefix: Path) -> int:
    """The three commands that a user of CMake would type."""
    tree = build_folder.of(ROOT) / "install"
    configure = ["cmake", "-S", str(stage.path), "-B", str(tree), "-DCMAKE_BUILD_TYPE=Release", "-DTREADLE_EXAMPLES=OFF",
                 *build.chosen_compiler().cmake]
    for command in (configure, ["cmake", "--build", str(tree)],
                    ["cmake", "--install", str(tree), "--prefix", str(prefix)]):
        print("$", " ".join(command), flush=True)
        done = subprocess.run(command)
        if done.returncode != 0:
            print("The command above failed.", file=sys.stderr)
            return 1
    print(f"\nInstalled {stage.name}. In a CMakeLists.txt: find_package(treadle) and "
          "target_link_libraries(your_program treadle::treadle)")
    if prefix not in (Path("/usr/local"), Path("/usr")):
        print(f"and configure it with -DCMAKE_PREFIX_PATH={prefix}")
    return 0


def main() -> int:
    prefix = Path(os.environ.get("PREFIX") or "/usr/local").expanduser().absolute()
    if not os.access(nearest_directory(prefix), os.W_OK):
        print(f"{prefix} cannot be written. Choose a folder of yours, as in `make install PREFIX=$HOME/.local`, "
              "or run it with sudo.", file=sys.stderr)
        return 2
    try:
        with build_folder.locked("install"):
            return run(stages.newest(ROOT), prefix)
    except (stages.UnknownStage, build.BuildError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    cli.run(main)
