"""Tests of the model check's tool. The model itself takes a minute and is CI's: `make model`."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path

import model_check
from model_check import Edit, ListError, Mutant

ROOT = Path(__file__).resolve().parents[3]
LIST = ROOT / model_check.MODEL / "mutants.toml"


def ended(code: int, out: str, err: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], code, out, err)


def sleeper(finds: str = "DEADLOCK") -> Mutant:
    return Mutant("sleeper", "why not", "one post", finds, ())


class ListTest(unittest.TestCase):
    """The list that is there."""

    def test_each_mutant_names_a_scenario_of_the_model(self) -> None:
        models = {name: (LIST.parent / f"{name}.cpp").read_text() for name in model_check.PROGRAMS}
        for mutant in model_check.read(LIST):
            self.assertIn(f'.name = "{mutant.scenario}"', models[mutant.program], mutant.name)

    def test_names_stand_once(self) -> None:
        names = [mutant.name for mutant in model_check.read(LIST)]
        self.assertEqual(len(names), len(set(names)))

    def test_each_mutant_fits_the_sources(self) -> None:
        stage = model_check.newest_with_inbox(ROOT, "")
        with tempfile.TemporaryDirectory() as folder:
            workshop = model_check.Workshop(ROOT, stage, "c++", Path(folder))
            for mutant in model_check.read(LIST):
                with self.subTest(mutant.name):
                    workshop.copy(mutant.name, mutant.edits)

    def test_a_list_that_lacks_a_key_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mutants.toml"
            path.write_text('[[mutant]]\nname = "x"\n')
            with self.assertRaisesRegex(ListError, "mutants.toml cannot be read"):
                model_check.read(path)

    def test_an_unknown_mutant_is_refused_with_the_choices(self) -> None:
        with self.assertRaisesRegex(ListError, "no mutant called nobody; choose from sleeper"):
            model_check.choose([sleeper()], "nobody")


class EditTest(unittest.TestCase):
    def test_changes_its_one_place(self) -> None:
        self.assertEqual(Edit("a", "b", "c").apply("m", "abd"), "acd")

    def test_a_text_that_is_not_there_or_there_twice_is_an_error(self) -> None:
        with self.assertRaisesRegex(ListError, "m: `b` does not occur in a"):
            Edit("a", "b", "c").apply("m", "x")
        with self.assertRaisesRegex(ListError, "occurs 2 times"):
            Edit("a", "b", "c").apply("m", "bb")


class JudgeTest(unittest.TestCase):
    LINE = "one post                every order                   29 runs   0.0 s  "

    def test_caught_where_that_is_found_which_the_list_demands(self) -> None:
        verdict = model_check.judge(sleeper(), ended(1, self.LINE + "DEADLOCK\n"))
        self.assertTrue(verdict.good)
        self.assertIn("DEADLOCK after 29 runs of `one post`", verdict.line)

    def test_not_caught_where_nothing_or_another_thing_is_found(self) -> None:
        for code, found in ((0, "ok"), (1, "DATA RACE")):
            verdict = model_check.judge(sleeper(), ended(code, self.LINE + found + "\n"))
            self.assertFalse(verdict.good)
            self.assertIn("the list demands DEADLOCK", verdict.line)

    def test_a_crash_is_no_catch(self) -> None:
        self.assertFalse(model_check.judge(sleeper(), ended(-11, "", "")).good)

    def test_an_account_ends_where_relacy_repeats_it(self) -> None:
        self.assertEqual(model_check.trim("a\nb\n\nthread 0:\na"), "a\nb")


if __name__ == "__main__":
    unittest.main()
