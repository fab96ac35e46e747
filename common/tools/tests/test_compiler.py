"""CXX is a command of several words, for every tool alike: `CXX="ccache clang++-19"` builds, and one that names no program
is answered with a sentence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from test_runner import build
from treadle_tools import compiler
from treadle_tools.compiler import Compiler
from treadle_tools.exercises.model import ExerciseError
from treadle_tools.exercises.toolchain import Toolchain, choose_compiler

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "common/bench"))

from treadle_bench import build as bench, machine, peers  # noqa: E402
from treadle_bench.errors import Misuse  # noqa: E402

PROJECT = "cmake_minimum_required(VERSION 3.20)\nproject(t LANGUAGES CXX)\nadd_library(t a.cpp)\n"
PRESET = '{"version": 3, "configurePresets": [{"name": "dev", "generator": "Ninja", "binaryDir": "${sourceDir}/build/dev"}]}'


class Parts(unittest.TestCase):
    def test_the_last_word_before_the_options_is_the_compiler(self) -> None:
        for words, options in ((["x++"], []), (["a-cache", "x++"], []), (["with", "A=b", "a-cache", "x++"], ["-m32", "-x", "c++"])):
            made = compiler.parse(" ".join(words + options))
            self.assertEqual((made.launcher, made.program, made.options), (tuple(words[:-1]), "x++", tuple(options)))

    def test_cmake_gets_launcher_compiler_and_options_apart(self) -> None:
        made = Compiler("x++", ("with", "A=b"), ("-m32",))
        self.assertEqual(made.cmake, ["-DCMAKE_CXX_COMPILER=x++;-m32", "-DCMAKE_CXX_COMPILER_LAUNCHER=with;A=b"])
        self.assertEqual(made.environment, {"CXX": "x++ -m32", "CMAKE_CXX_COMPILER_LAUNCHER": "with;A=b"})

    def test_only_one_file_takes_cxx_apart(self) -> None:
        tools = [path for place in ("common", "book") for path in (ROOT / place).rglob("*.py") if "tests" not in path.parts]
        reads = [path.name for path in tools if re.search(r"environ[^\n]*[\"']CXX[\"']|getenv\(.CXX", path.read_text())]
        self.assertEqual(reads, [])


class Launcher(unittest.TestCase):
    """A launcher that notes each call, and a compiler whose path has a space."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle compiler ")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.log = self.home / "log"
        launcher = self.home / "cache"
        launcher.write_text(f'#!/bin/sh\necho "$*" >> "{self.log}"\nexec "$@"\n')
        launcher.chmod(0o755)
        self.real = compiler.chosen().program
        self.set("CXX", f"cache {self.real} -DGIVEN")
        self.set("PATH", f"{self.home}:{os.environ['PATH']}")
        self.set("NO_INSTALL", "1")

    def set(self, name: str, value: str) -> None:
        change = mock.patch.dict(os.environ, {name: value})
        change.start()
        self.addCleanup(change.stop)

    def launched(self) -> bool:
        """Whether the launcher was called to compile, with the option; forgets it."""
        words = self.log.read_text() if self.log.exists() else ""
        self.log.unlink(missing_ok=True)
        return re.search(r"-DGIVEN .*\.o", words) is not None

    def test_the_main_build_uses_it(self) -> None:
        for name, text in (("CMakeLists.txt", PROJECT), ("CMakePresets.json", PRESET), ("a.cpp", "#ifndef GIVEN\n#error\n#endif\n")):
            (self.home / name).write_text(text)
        tree = build.configure(self.home, "dev", build.chosen_compiler())
        self.assertEqual(build.run(tree, ["t"], lambda *step: None).complaints, [])
        self.assertTrue(self.launched())
        self.assertEqual(Path(build._cached(tree, "CMAKE_CXX_COMPILER")).name, Path(self.real).name)

    def test_a_project_without_presets_uses_it(self) -> None:
        (self.home / "CMakeLists.txt").write_text(PROJECT)
        (self.home / "a.cpp").write_text("#ifndef GIVEN\n#error\n#endif\n")
        command = ["cmake", "-G", "Ninja", "-S", str(self.home), "-B", str(self.home / "b"), *build.chosen_compiler().cmake]
        subprocess.run(command, check=True, capture_output=True)
        subprocess.run(["cmake", "--build", str(self.home / "b")], check=True, capture_output=True)
        self.assertTrue(self.launched())

    def test_exercises_are_compiled_without_it_in_their_cage(self) -> None:
        tools = Toolchain(self.home / "parts", ROOT, choose_compiler())
        self.assertEqual(tools.cxx.command, [self.real, "-DGIVEN"])
        source = self.home / "a.cpp"
        source.write_text("#ifndef GIVEN\n#error\n#endif\n")
        tools._compile(source, self.home / "a.o", ["-c"])
        self.assertFalse(self.launched())

    def test_the_benchmarks_ask_it(self) -> None:
        chosen = bench.chosen_compiler()
        self.assertEqual(chosen.name, Path(self.real).name)
        self.assertTrue(peers.has_header(chosen, "vector"))
        self.assertFalse(peers.has_header(chosen, "no/such/header.h"))
        self.assertRegex(str(machine.describe(chosen, "")["compiler"]), r"\d+\.\d+")

    def test_the_books_programs_use_it(self) -> None:
        self.set("CXX", "cache true -DGIVEN")  # what it is called with is enough
        subprocess.run(["sh", str(ROOT / "book/snippets/compile"), "twice", str(self.home)], check=True, capture_output=True)
        self.assertIn("true -DGIVEN -std=c++20", self.log.read_text())

    def test_setup_tries_it(self) -> None:
        done = subprocess.run(["sh", str(compiler.SETUP), "--cxx"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, f"cache {self.real} -DGIVEN\n"))

    def test_a_compiler_whose_path_has_a_space_is_one_word(self) -> None:
        mine = self.home / "my compiler"
        mine.symlink_to(self.home / "cache")
        self.set("CXX", str(mine))
        self.assertEqual(compiler.chosen(), Compiler(str(mine)))


class NoProgram(unittest.TestCase):
    """Whichever word is wrong, every door says which."""

    def test_the_sentence_names_the_word(self) -> None:
        for cxx, absent in (("no-such++", "no-such++"), ("env no-such++ -m32", "no-such++"), ("no-cache g++", "no-cache"),
                            ("-m32", "-m32")):
            with mock.patch.dict(os.environ, {"CXX": cxx}):
                sentence = rf"^CXX={re.escape(cxx)}: .* {re.escape(absent)} is no program\. Write CXX="
                for ask, error in ((compiler.chosen, compiler.NoCompiler), (build.chosen_compiler, build.BuildError),
                                   (choose_compiler, ExerciseError), (bench.chosen_compiler, Misuse)):
                    with self.assertRaisesRegex(error, sentence):
                        ask()


if __name__ == "__main__":
    unittest.main()
