"""The doors of the Makefile: a call that cannot be meant is answered with the right form, before any work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import door

ROOT = Path(__file__).resolve().parents[3]
DOORS = door.parse_doors((ROOT / "Makefile").read_text())


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
    return subprocess.run(["make", "-C", str(folder), *words], env={**env, "NO_INSTALL": "1"}, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=120)


class Tree(unittest.TestCase):
    """A small tree, in a path with spaces, that has only the doors."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="a tree of doors ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name) / "my tree"
        tools = self.root / "common/tools"
        tools.mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.root)
        shutil.copytree(ROOT / "common/tools/treadle_tools", tools / "treadle_tools",
                        ignore=shutil.ignore_patterns("exercises", "__pycache__"))
        for name in ("door.py", "door.sh"):
            shutil.copy(ROOT / "common/tools" / name, tools)
        (tools / "setup.sh").write_text("exit 0\n")
        for name in ("01-event-loop", "02-sleep"):
            (self.root / "chapters" / name).mkdir(parents=True)
        exercise = self.root / "chapters/02-sleep/exercises/ticker"
        exercise.mkdir(parents=True)
        (exercise / "task.md").touch()
        (self.root / "CMakePresets.json").write_text('{"configurePresets": [{"name": "dev"}, {"name": "asan"}]}')

    def refused(self, *words: str) -> str:
        """What the door says; it must refuse, with one sentence of its own."""
        done = make(self.root, *words)
        self.assertEqual(done.returncode, 2, done.stdout)
        return done.stderr

    def script(self, name: str) -> None:
        """A tool that only tells how it was called."""
        (self.root / "common/tools" / name).write_text("import sys; print('called', sys.argv[1:])\n")


class Misuse(Tree):
    def test_a_missing_stage_lists_the_stages(self) -> None:
        said = self.refused("diff")
        self.assertIn("make diff needs CH=, as in `make diff CH=03`", said)
        self.assertIn("01 (event-loop), 02 (sleep)", said)

    def test_a_wrong_stage_lists_the_stages(self) -> None:
        said = self.refused("test", "CH=09")
        self.assertIn("CH=09 names no stage", said)
        self.assertIn("01 (event-loop), 02 (sleep)", said)

    def test_an_empty_variable_is_a_missing_one(self) -> None:
        self.assertIn("needs FROM=", self.refused("carry", "FROM="))

    def test_an_unknown_variable_is_refused_with_the_likely_one(self) -> None:
        self.assertIn("takes no variable STAGE. Did you mean CH=?", self.refused("test", "STAGE=02"))
        self.assertIn("takes no variable ch. Did you mean CH=?", self.refused("test", "ch=02"))

    def test_a_wrong_exercise_lists_the_exercises(self) -> None:
        said = self.refused("hint", "EX=02/tickr")
        self.assertIn("Did you mean 02/ticker?", said)

    def test_export_needs_both_of_its_variables(self) -> None:
        self.assertIn("needs OUT=", self.refused("export", "CH=02"))

    def test_a_port_must_be_one(self) -> None:
        for port in ("http", "70000", "-1"):
            self.assertIn(f"PORT={port} is no port", self.refused("run", f"PORT={port}"))

    def test_a_wrong_preset_or_format_lists_the_choices(self) -> None:
        self.assertIn("Choose from dev, asan", self.refused("test", "PRESET=fast"))
        self.assertIn("gradescope", self.refused("grade", "FORMAT=xml"))

    def test_a_build_folder_that_swallows_the_tree_or_is_a_file_is_refused(self) -> None:
        for value in (".", "..", "Makefile"):
            self.assertIn(f"BUILD={value} is no folder to build in", self.refused("lint", f"BUILD={value}"))

    def test_clean_deletes_only_what_was_built_here(self) -> None:
        mine = self.root / "mine"
        mine.mkdir()
        (mine / "letter").touch()
        self.assertIn("holds nothing that was built here", self.refused("clean", "BUILD=mine"))
        (mine / ".locks").mkdir()
        self.assertEqual(make(self.root, "clean", "BUILD=mine").returncode, 0)
        self.assertFalse(mine.exists())

    def test_an_unknown_door_is_told_apart_from_a_typing_slip(self) -> None:
        self.assertIn("Did you mean `make test", self.refused("tests"))
        self.assertIn("There is no door called zzz. `make help` lists them.", self.refused("zzz"))

    def test_shell_signs_in_a_value_are_only_text(self) -> None:
        self.refused("diff", "CH=$(touch spoilt)`touch spoilt`;touch spoilt")
        self.assertFalse((self.root / "spoilt").exists())


class Opening(Tree):
    def test_a_right_call_reaches_the_tool(self) -> None:
        self.script("diff_stages.py")
        self.assertIn("called ['02']", make(self.root, "diff", "CH=02").stdout)

    def test_values_with_spaces_stay_one_word(self) -> None:
        self.script("export.py")
        self.assertIn("called ['02', 'my dir']", make(self.root, "export", "CH=02", "OUT=my dir").stdout)

    def test_optional_variables_may_be_left_out(self) -> None:
        self.script("exercise.py")
        self.assertIn("called ['grade']", make(self.root, "grade").stdout)
        self.assertIn("called ['start', '02/ticker']", make(self.root, "exercise", "EX=02/ticker").stdout)


class Help(unittest.TestCase):
    def test_every_door_has_its_line(self) -> None:
        makefile = (ROOT / "Makefile").read_text()
        doors = makefile.split("DOORS := ")[1].split(".PHONY")[0].replace("\\", "").split()
        self.assertEqual(sorted(doors), sorted(DOORS))

    def test_help_has_one_line_for_each_door(self) -> None:
        shown = make(ROOT, "help").stdout
        for name in DOORS:
            lines = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]
            self.assertEqual(len(lines), 1, name)

    def test_help_without_a_door(self) -> None:
        self.assertEqual(make(ROOT).stdout, make(ROOT, "help").stdout)


class Readme(unittest.TestCase):
    def test_the_readme_names_every_door_and_no_other(self) -> None:
        rows = (ROOT / "README.md").read_text().split("| to | doors |")[1].split("\n\n")[0]
        self.assertEqual(sorted(re.findall(r"`([a-z-]+)`", rows)), sorted(DOORS))


class MakeFlags(unittest.TestCase):
    def test_names_are_read_from_the_flags_that_make_passes(self) -> None:
        self.assertEqual(door.command_line_variables(r"k -- FILTER=a\ b=c CH=03"), ["FILTER", "CH"])
        self.assertEqual(door.command_line_variables("w"), [])


if __name__ == "__main__":
    unittest.main()
