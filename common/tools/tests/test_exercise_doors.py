"""What a learner and a teacher do: start, save, ask for a hint, grade, look at the solution."""
from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import exercise_fixture as fixture  # first: it puts the tools on the path
import exercise as door
from treadle_tools.exercises import model, watch
from treadle_tools.exercises.jsonschema_subset import errors

RIGHT = "int twice(int n) { return 2 * n; }\n"
VARIABLES = ("EX", "FORMAT", "OUT", "RESET", "REVEAL", "SANITIZE", "ANSWERS", "CHECKS", "JOBS")


class DoorCase(unittest.TestCase):
    """A fresh tree, and a way to call the tool as make does."""

    def setUp(self) -> None:
        self.root = fixture.fresh_root()
        self.addCleanup(shutil.rmtree, self.root)

    def call(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in VARIABLES}
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, kept | variables, clear=True), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = door.main(["--root", str(self.root), *arguments])
        return code, out.getvalue(), err.getvalue()

    @property
    def answer(self) -> Path:
        return self.root / "work/01/double/answer.cpp"

    def progress(self) -> dict:
        return json.loads((self.root / "work/progress.json").read_text(encoding="utf-8"))["exercises"]["01/double"]


class Start(DoorCase):
    """The first minute."""

    def test_it_copies_the_starter_and_checks_it(self) -> None:
        code, out, _ = self.call("start", EX="01/double")
        self.assertEqual(code, 1)
        self.assertEqual(self.answer.read_text(), (self.root / "chapters/01-tiny/exercises/double/starter.cpp").read_text())
        self.assertIn("1 of 4 points", out)
        self.assertIn("task.md", out)

    def test_it_never_overwrites_an_answer(self) -> None:
        fixture.write_answer(self.root, RIGHT)
        code, out, _ = self.call("start", "01-tiny/double")
        self.assertEqual((code, self.answer.read_text()), (0, RIGHT))
        self.assertIn("as you left it", out)

    def test_a_wrong_name_is_answered_with_the_choices(self) -> None:
        for wanted in ("01/tripel", "", "07/double"):
            code, _, err = self.call("start", EX=wanted)
            self.assertEqual(code, 2)
            self.assertIn("01/double, 01/guess", err)

    def test_the_flags_left_for_an_editor_compile_the_starter(self) -> None:
        self.call("start", EX="guess")
        folder = self.root / "work/01/guess"
        flags = (folder / "compile_flags.txt").read_text().split()
        self.assertTrue(all((folder / f[2:]).is_dir() or f.endswith("common") for f in flags if f.startswith("-I")), flags)

    def test_check_without_an_answer_says_how_to_begin(self) -> None:
        code, _, err = self.call("check", "double")
        self.assertEqual(code, 2)
        self.assertIn("make exercise EX=01/double", err)

    def test_list_shows_all(self) -> None:
        _, out, _ = self.call("list")
        self.assertIn("not started", out)
        self.assertEqual(len(out.splitlines()), 2)


class Hints(DoorCase):
    """One more each time."""

    def test_each_call_gives_the_next_and_then_all(self) -> None:
        said = [self.call("hint", EX="double")[1] for _ in range(4)]
        self.assertIn("Hint 1 of 3: A question", said[0])
        self.assertIn("Hint 2 of 3: An invariant", said[1])
        self.assertNotIn("Hint 1", said[1])
        self.assertIn("Hint 3 of 3: The shape of the code", said[2])
        self.assertTrue(all(f"Hint {n} of 3" in said[3] for n in (1, 2, 3)))
        self.assertEqual(self.progress()["hints"], 3)

    def test_reset_begins_again(self) -> None:
        self.call("hint", EX="double")
        self.call("hint", EX="double", RESET="1")
        self.assertIn("Hint 1 of 3", self.call("hint", EX="double")[1])

    def test_a_broken_progress_file_costs_nothing_but_the_memory(self) -> None:
        (self.root / "work").mkdir()
        (self.root / "work/progress.json").write_text("{")
        self.assertEqual(self.call("hint", EX="double")[0], 0)


class Solution(DoorCase):
    """Shown after a pass, or on request, and the request is remembered."""

    def test_before_a_pass_it_is_refused(self) -> None:
        code, out, err = self.call("solution", EX="double")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("REVEAL=1", err)

    def test_reveal_shows_and_remembers(self) -> None:
        code, out, _ = self.call("solution", EX="double", REVEAL="1")
        self.assertEqual(code, 0)
        self.assertIn("+int twice(int n) { return treadle::plus(n, n); }", out)
        self.assertTrue(self.progress()["revealed"])

    def test_after_a_pass_both_are_compared(self) -> None:
        fixture.write_answer(self.root, RIGHT)
        self.assertEqual(self.call("check", "double")[0], 0)
        _, out, _ = self.call("solution", EX="double")
        self.assertIn("-int twice(int n) { return 2 * n; }", out)
        self.assertFalse(self.progress()["revealed"])


class Grade(DoorCase):
    """The record for every reader."""

    def test_the_table_tells_tried_from_untried_and_fails(self) -> None:
        fixture.write_answer(self.root, RIGHT)
        code, out, _ = self.call("grade")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"01/double +build +passed +4/4\n01/guess +predict +not begun +0/3\ntotal +4/7")
        self.assertTrue(out.endswith("To begin with 01/guess: make exercise EX=01/guess\n"), out)

    def test_an_answer_whose_checks_never_ran_is_not_called_unbegun(self) -> None:
        fixture.write_answer(self.root, "#include <cstdlib>\nstruct E { E() { std::_Exit(0); } } e;\nint twice(int n) { return 2 * n; }\n")
        _, out, _ = self.call("grade", EX="double")
        self.assertRegex(out, r"01/double +build +not_run +0/4")
        self.assertNotIn("begin", out)

    def test_it_is_zero_only_if_all_passed(self) -> None:
        fixture.write_answer(self.root, RIGHT)
        self.assertEqual(self.call("grade", EX="double")[0], 0)
        self.assertEqual(self.call("grade", EX="01")[0], 1)

    def test_machine_formats_keep_their_schemas(self) -> None:
        fixture.write_answer(self.root, "int twice(int n) { return n == 3 ? *(int*)nullptr : 2 * n; }")
        for name, schema in (("json", "result"), ("gradescope", "gradescope"), ("classroom", "classroom")):
            out = self.root / f"made/{name}.json"
            code, _, _ = self.call("grade", FORMAT=name, OUT=str(out))
            self.assertEqual((code, errors(json.loads(out.read_text()), model.schema(schema))), (1, []))

    def test_an_unknown_format_is_misuse(self) -> None:
        code, _, err = self.call("grade", FORMAT="pdf")
        self.assertEqual(code, 2)
        self.assertIn("text, json, junit, gradescope, classroom", err)

    def test_edited_checks_beside_the_answer_are_ignored(self) -> None:
        path = fixture.write_answer(self.root, "int twice(int) { return 0; }")
        (path.parent / "check.cpp").write_text('TEST_CASE("Double: zero stays zero") { SUCCEED(); }\n')
        (path.parent / "exercise.json").write_text("{}")
        self.assertIn("1 of 4 points", self.call("check", "double")[1])

    def test_answers_elsewhere_and_a_teachers_checks_on_top(self) -> None:
        theirs, mine = self.root / "submitted", self.root / "secret/01/double"
        (theirs / "01/double").mkdir(parents=True)
        (theirs / "01/double/answer.cpp").write_text(RIGHT)
        mine.mkdir(parents=True)
        source = (self.root / "chapters/01-tiny/exercises/double/check.cpp").read_text()
        (mine / "check.cpp").write_text(source.replace("CHECK(twice(0) == 0)", "CHECK(twice(0) == 1)"))
        _, out, _ = self.call("grade", EX="double", FORMAT="json", ANSWERS=str(theirs), CHECKS=str(self.root / "secret"))
        self.assertEqual([c["status"] for c in json.loads(out)["exercises"][0]["checks"]], ["wrong", "passed", "passed"])

    def test_a_home_that_no_shell_put_in_is_put_in(self) -> None:
        fixture.write_answer(self.root, RIGHT)
        (self.root / "work").rename(self.root / "mine")
        code, _, err = self.call("grade", EX="double", ANSWERS="~/mine", OUT="~/r.txt", HOME=str(self.root))
        self.assertEqual((code, err), (0, ""))
        self.assertIn("passed", (self.root / "r.txt").read_text())

    def test_one_broken_exercise_does_not_cost_the_others(self) -> None:
        fixture.write_answer(self.root, RIGHT)
        fixture.write_answer(self.root, 'const std::vector<std::string> prediction = {"one"};', "guess")
        (self.root / "chapters/01-tiny/exercises/guess/check.cpp").unlink()
        code, out, err = self.call("grade")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"01/double +build +passed +4/4\n01/guess +predict +not_run +0/3")
        self.assertIn("could not be graded", err)


class Watch(DoorCase):
    """Saving is enough."""

    def wait_for(self, seen: list[str], count: int) -> None:
        end = time.monotonic() + 60
        while len(seen) < count and time.monotonic() < end:
            time.sleep(0.005)
        self.assertEqual(len(seen), count, seen)

    def test_it_survives_every_way_of_saving(self) -> None:
        path, other, seen, done = self.root / "a.cpp", self.root / "b.cpp", [], threading.Event()
        path.write_text("1")
        thread = threading.Thread(target=watch.watch, args=(path, lambda: seen.append("saved"), lambda: seen.append("gone"),
                                                            done.is_set, 0.01))
        thread.start()
        self.wait_for(seen, 1)
        path.write_text("22")  # in place
        self.wait_for(seen, 2)
        other.write_text("33")
        other.replace(path)  # renamed over
        self.wait_for(seen, 3)
        path.unlink()
        self.wait_for(seen, 4)
        path.write_text("4")  # made again
        self.wait_for(seen, 5)
        done.set()
        thread.join()
        self.assertEqual(seen, ["saved", "saved", "saved", "gone", "saved"])

    def test_the_door_checks_again_on_save_and_stops_at_ctrl_c(self) -> None:
        fixture.write_answer(self.root, "int twice(int) { return 0; }")
        argv = [sys.executable, str(fixture.TOOLS / "exercise.py"), "--root", str(self.root), "watch", "double"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
            try:
                first = read_until(child.stdout, "Watching")
                self.answer.write_text(RIGHT)
                second = read_until(child.stdout, "Watching")
            finally:
                child.send_signal(2)
                child.communicate(timeout=60)
        self.assertIn("1 of 4 points", first)
        self.assertIn("4 of 4 points", second)
        self.assertEqual(child.returncode, 0)


def read_until(stream: io.TextIOBase, mark: str) -> str:
    """What is printed up to the line with this mark."""
    text = ""
    for line in iter(stream.readline, ""):
        text += line
        if mark in line:
            break
    return text


if __name__ == "__main__":
    unittest.main()
