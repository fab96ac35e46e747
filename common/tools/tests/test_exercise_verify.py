"""The proof that exercises are fair notices each way in which one can be unfair."""
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import exercise_fixture as fixture
from treadle_tools import build_folder
from treadle_tools.exercises import judge, model, verify


class Form(unittest.TestCase):
    """Faults that can be seen without compiling."""

    def setUp(self) -> None:
        self.root = fixture.fresh_root()
        self.addCleanup(shutil.rmtree, self.root)
        self.path = self.root / "chapters/01-tiny/exercises/double"

    def problems(self) -> str:
        return "\n".join(verify.form_problems(model.load(self.path)))

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.path / name
        self.assertIn(old, file.read_text())
        file.write_text(file.read_text().replace(old, new, 1))

    def test_the_fixture_is_well_formed(self) -> None:
        self.assertEqual(self.problems(), "")

    def test_an_unlisted_file(self) -> None:
        (self.path / "notes.txt").write_text("")
        self.assertIn("notes.txt is not part of an exercise", self.problems())

    def test_a_listed_file_that_is_missing(self) -> None:
        self.path = self.path.parent / "guess"
        (self.path / "program.hpp").unlink()
        self.assertIn("program.hpp is missing", self.problems())

    def test_two_hints(self) -> None:
        self.edit("hints.md", "## An invariant", "An invariant")
        self.assertIn("hints.md has 2 sections", self.problems())

    def test_two_wrong_answers(self) -> None:
        (self.path / "wrong/square.cpp").unlink()
        self.assertIn("there are 2 wrong answers", self.problems())

    def test_a_test_case_without_points_and_a_check_without_test_case(self) -> None:
        self.edit("check.cpp", "Double: zero stays zero", "Double: nothing stays nothing")
        self.assertIn("'Double: nothing stays nothing' that exercise.json gives no points", self.problems())
        self.assertIn("'Double: zero stays zero' that check.cpp does not have", self.problems())

    def test_a_check_that_forgets_the_answer(self) -> None:
        self.edit("check.cpp", "#include ANSWER", "// no answer")
        self.assertIn("#include ANSWER", self.problems())

    def test_a_task_without_a_place_to_read(self) -> None:
        self.edit("task.md", "## Where to read", "## Elsewhere")
        self.assertIn("no section '## Where to read'", self.problems())

    def test_a_wrong_answer_that_claims_nothing(self) -> None:
        self.edit("wrong/square.cpp", "// status: wrong", "// state: wrong")
        with self.assertRaisesRegex(model.ExerciseError, "square.cpp: its first three lines must be"):
            model.wrong_answers(model.load(self.path))

    def test_an_unknown_status_and_an_unknown_key(self) -> None:
        self.edit("wrong/square.cpp", "// status: wrong", "// status: bad")
        with self.assertRaisesRegex(model.ExerciseError, "'bad' is none of"):
            model.wrong_answers(model.load(self.path))
        self.edit("exercise.json", '"minutes"', '"colour": 1, "minutes"')
        with self.assertRaisesRegex(model.ExerciseError, "unknown property 'colour'"):
            model.load(self.path)


class Claims(unittest.TestCase):
    """Faults that show when the answers are run; here with results made up, as the running is tested elsewhere."""

    def setUp(self) -> None:
        self.exercise = model.load(fixture.HERE / "chapters/01-tiny/exercises/double")
        self.names = [check.name for check in self.exercise.checks]

    def result(self, *statuses: str, detail: str = "some words") -> judge.Result:
        checks = tuple(judge.CheckResult(n, s, 0, 1, "sentence", detail) for n, s in zip(self.names, statuses))
        return judge.Result(self.exercise, next((s for s in statuses if s != "passed"), "passed"), checks)

    def test_a_starter_that_passes_or_fails_other_checks_than_stated(self) -> None:
        self.assertEqual(verify.starter_problems(self.exercise, self.result("passed", "wrong", "wrong")), [])
        self.assertIn("passes", verify.starter_problems(self.exercise, self.result("passed", "passed", "wrong"))[0])
        self.assertIn("not said to fail", verify.starter_problems(self.exercise, self.result("wrong", "wrong", "wrong"))[0])
        self.assertIn("does not compile", verify.starter_problems(self.exercise, self.result(*["compile_error"] * 3))[0])

    def test_a_solution_that_fails(self) -> None:
        self.assertEqual(verify.solution_problems(self.result("passed", "passed", "passed")), [])
        self.assertIn("(timeout)", verify.solution_problems(self.result("passed", "timeout", "passed"))[0])

    def test_a_wrong_answer_that_is_not_rejected_as_stated(self) -> None:
        wrong = model.Wrong(Path("w.cpp"), self.names[1], "wrong", "some words")
        self.assertEqual(verify.wrong_problems(wrong, self.result("passed", "wrong", "passed")), [])
        self.assertIn("says passed", verify.wrong_problems(wrong, self.result("wrong", "passed", "passed"))[0])
        self.assertIn("says crash", verify.wrong_problems(wrong, self.result("passed", "crash", "passed"))[0])
        self.assertIn("does not say", verify.wrong_problems(wrong, self.result("passed", "wrong", "passed", detail="else"))[0])
        nobody = model.Wrong(Path("w.cpp"), "No such check", "wrong", "x")
        self.assertIn("does not exist", verify.wrong_problems(nobody, self.result("passed"))[0])


class Whole(unittest.TestCase):
    """The command as CI runs it."""

    def setUp(self) -> None:
        self.root = fixture.fresh_root()
        self.addCleanup(shutil.rmtree, self.root)
        parts = build_folder.of() / "exercises"
        (self.root / "build/exercises").unlink()
        (self.root / "build/exercises").mkdir()
        for part in parts.glob("[a-z]*-*"):  # compiled parts are shared, proofs are not
            (self.root / "build/exercises" / part.name).symlink_to(part)

    def verify(self, *arguments: str) -> tuple[int, str]:
        argv = [sys.executable, str(fixture.TOOLS / "exercise.py"), "--root", str(self.root), "verify", "--jobs", "2", *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_fair_exercises_are_proved_once_and_an_unfair_one_is_found(self) -> None:
        code, out = self.verify()
        self.assertEqual(code, 0, out)
        self.assertIn("2 exercises, 0 problems", out)
        lenient = self.root / "chapters/01-tiny/exercises/double/check.cpp"
        lenient.write_text(lenient.read_text().replace("CHECK(twice(50) == 100);", "").replace("twice(3) == 6", "twice(3) > 5"))
        code, out = self.verify()
        self.assertEqual(code, 1)
        self.assertIn("01/guess  unchanged since it was proved", out)
        self.assertIn("FAIL  01/double  wrong/square.cpp", out)
        self.assertIn("says passed, but wrong is stated", out)

    def test_a_broken_description_is_one_problem(self) -> None:
        path = self.root / "chapters/01-tiny/exercises/guess/exercise.json"
        path.write_text(json.dumps({"title": "x"}))
        shutil.rmtree(self.root / "chapters/01-tiny/exercises/double")
        code, out = self.verify()
        self.assertEqual(code, 1)
        self.assertIn("FAIL  01/guess  form", out)
        self.assertIn("breaks exercise.schema.json", out)

    def test_a_half_written_exercise_costs_the_others_of_its_chapter_nothing(self) -> None:
        chapter = self.root / "chapters/01-tiny/exercises"
        (chapter / "begun").mkdir()
        (chapter / "double").rename(chapter / "half")
        (chapter / "half/check.cpp").unlink()
        (chapter / "half/wrong/square.cpp").write_bytes(b"\xff\xfe")
        code, out = self.verify("--quick", "01")
        self.assertEqual(code, 1, out)
        for line in ("FAIL  01/begun  form", "FAIL  01/half  form", "check.cpp is missing", "ok  01/guess  solution",
                     "3 exercises, 2 problems"):
            self.assertIn(line, out)

    def test_what_was_proved_quickly_is_not_proved_again(self) -> None:
        exercise, places = fixture.exercise(self.root, "guess"), fixture.places(self.root)

        def todo(quick: bool) -> tuple[Path, list[str]]:
            stamp, jobs = verify._collect(exercise, places, fixture.choose_compiler(), False, quick)
            return stamp, [name for name, _ in jobs]
        wrong = ["wrong/runs_it.cpp", "wrong/short.cpp", "wrong/swapped.cpp"]
        self.assertEqual(todo(False)[1], ["form", "starter", "solution", *wrong])
        stamp, names = todo(True)
        self.assertEqual(names, ["form", "starter", "solution"])
        stamp.parent.mkdir(parents=True)
        stamp.touch()
        self.assertEqual((todo(True)[1], todo(False)[1]), ([], ["form", *wrong]))
        todo(False)[0].touch()
        stamp.unlink()
        self.assertEqual((todo(True)[1], todo(False)[1]), ([], []))

    def test_a_wrong_answer_that_cannot_be_read_is_told_as_a_problem_of_its_exercise(self) -> None:
        path = self.root / "chapters/01-tiny/exercises/guess"
        for text in (b"no claims\n", b"\xff\xfe"):
            (path / "wrong/short.cpp").write_bytes(text)
            places = fixture.places(self.root)
            _, jobs = verify._collect(model.load(path), places, fixture.choose_compiler(), False, quick=False)
            self.assertEqual([name for name, _ in jobs], ["form"])
            self.assertTrue(jobs[0][1]()[0])


if __name__ == "__main__":
    unittest.main()
