"""The newest stage as a library: installed, found by a foreign project, and the README's own program built with it."""

from __future__ import annotations

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from test_runner import build
from treadle_tools import stages

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text()
PROJECT = """\
cmake_minimum_required(VERSION 3.20)
project(foreign LANGUAGES CXX)
add_executable(my_program main.cpp)
"""


def block(language: str) -> str:
    """The README's one block of code in a language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return text


class Installed(unittest.TestCase):
    def call(self, *command: str | Path) -> str:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def built(self, alone: Path, compiler: list[str]) -> Path:
        """A build tree with the newest stage: that of `make test` where it is fresh, else one of its own."""
        newest, tree = stages.newest(ROOT), build.tree(ROOT, "dev")
        if (tree / "build.ninja").exists() and build.is_up_to_date(tree, f"treadle-{newest.name}"):
            return tree
        self.call("cmake", "-G", "Ninja", "-S", newest.path, "-B", alone, *compiler, "-DTREADLE_EXAMPLES=OFF",
                  "-DCMAKE_BUILD_TYPE=None")
        self.call("cmake", "--build", alone)
        return alone

    def test_a_foreign_project_finds_treadle_and_the_readmes_program_runs(self) -> None:
        compiler = build.chosen_compiler().cmake
        with tempfile.TemporaryDirectory(prefix="treadle install ") as folder:
            home = Path(folder)
            prefix, project, tree = home / "prefix", home / "project", home / "build"
            self.call("cmake", "--install", self.built(home / "stage", compiler), "--prefix", prefix)
            project.mkdir()
            (project / "CMakeLists.txt").write_text(PROJECT + block("cmake"))
            (project / "main.cpp").write_text(block("cpp"))
            self.call("cmake", "-G", "Ninja", "-S", project, "-B", tree, *compiler, f"-DCMAKE_PREFIX_PATH={prefix}")
            self.call("cmake", "--build", tree)
            self.assertEqual(self.call(tree / "my_program"), "42\n")


if __name__ == "__main__":
    unittest.main()
