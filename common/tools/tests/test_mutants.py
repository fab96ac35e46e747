"""The runner of the mutants, on a small stage of its own: what it calls caught, survived, and wrong."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import mutants
from mutation.listing import ListError, Mutant, read
from mutation.workshop import Workshop
from test_runner import build

ROOT = Path(__file__).resolve().parents[3]
STORE = ROOT / "build/mutants"  # shared with the true runs, so that Catch2's main is compiled once
HEADER = "#pragma once\ninline int twice(int x) { return x + x; }\nint thrice(int x);\n"
SOURCE = '#include "treadle/sums.hpp"\nint thrice(int x) {\n  return twice(x) + x;\n}\n'
TESTS = """\
#include <catch2/catch.hpp>
#include "treadle/sums.hpp"
TEST_CASE("Sums: twice is two times") { CHECK(twice(2) == 4); }
TEST_CASE("Sums: thrice is three times") { CHECK(thrice(2) == 6); }
TEST_CASE("Sums: twice, \\"so to say\\", is two [times]") { CHECK(twice(3) == 6); }
TEST_CASE("Sums: always fails") { CHECK(false); }
"""
TESTS = TESTS.replace("#include <catch2/catch.hpp>", """\
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif""")


def entry(**changes: str) -> str:
    fields = {"name": "twice-is-once", "stage": "01", "file": "include/treadle/sums.hpp", "find": "x + x",
              "replace": "x", "test": "test_sums.cpp", "case": "Sums: twice is two times", **changes}
    return "[[mutant]]\n" + "".join(f"{key} = {value!r}\n" for key, value in fields.items() if value)


class Lists(unittest.TestCase):
    def read(self, text: str) -> list[Mutant]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mutants.toml"
            path.write_text(text)
            return read(path)

    def wrong(self, text: str) -> str:
        with self.assertRaises(ListError) as caught:
            self.read(text)
        return str(caught.exception)

    def test_one_entry_may_name_several_stages(self) -> None:
        text = entry(stage="") + 'stages = ["01", "03"]\n'
        self.assertEqual([m.stage for m in self.read(text)], ["01", "03"])

    def test_what_is_wrong_is_said_by_name(self) -> None:
        self.assertIn("twice-is-once: it lacks case", self.wrong(entry(case="")))
        self.assertIn("names no stage", self.wrong(entry(stage="")))
        self.assertIn("stands twice", self.wrong(entry() + entry()))
        self.assertIn("kase is no key", self.wrong(entry(kase="x")))
        self.assertIn("is none of fail, crash, hang", self.wrong(entry(status="odd")))
        self.assertIn("same text", self.wrong(entry(replace="x + x")))
        self.assertIn("cannot be read", self.wrong("[[mutant"))

    def test_a_find_text_must_occur_exactly_once(self) -> None:
        (mutant,) = self.read(entry())
        self.assertEqual(mutant.apply("a x + x b"), "a x b")
        for text, words in (("nothing", "does not occur"), ("x + x, x + x", "occurs 2 times")):
            with self.assertRaisesRegex(ListError, words):
                mutant.apply(text)

    def test_the_true_list_can_be_read_and_fits_the_sources(self) -> None:
        path = ROOT / "common/tools/mutants.toml"
        if not path.exists():
            self.skipTest("there is no list yet")
        for mutant in read(path):
            stage = mutants.stages.find(mutant.stage, ROOT).path
            mutant.apply((stage / mutant.file).read_text())
            self.assertIn(f'"{mutant.case}"', (ROOT / "tests" / mutant.test).read_text(), mutant.name)


class Runs(unittest.TestCase):
    """One tree for all: every object is compiled once."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle mutants ")
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        stage = cls.root / "chapters/01-sums"
        for path, text in ((stage / "include/treadle/sums.hpp", HEADER), (stage / "src/sums.cpp", SOURCE),
                           (cls.root / "tests/test_sums.cpp", TESTS)):
            path.parent.mkdir(parents=True)
            path.write_text(text)
        cls.workshop = Workshop(cls.root, STORE, build.chosen_compiler(ROOT), time_limit=5.0)

    def judge(self, **changes: str) -> mutants.Verdict:
        fields = {"name": "m", "stage": "01", "file": "include/treadle/sums.hpp", "find": "x + x", "replace": "x",
                  "test": "test_sums.cpp", "case": "Sums: twice is two times", **changes}
        return mutants.judge(self.workshop, Mutant(**fields), self.root)

    def expect(self, word: str, detail: str, **changes: str) -> None:
        verdict = self.judge(**changes)
        self.assertEqual(verdict.word, word, verdict.detail)
        self.assertRegex(verdict.detail, detail)

    def test_a_mutant_that_the_named_case_notices_is_caught(self) -> None:
        self.expect("caught", "^fail: ")
        self.expect("caught", "^fail: ", file="src/sums.cpp", find=" + x", replace=" - x",
                    case="Sums: thrice is three times")

    def test_a_name_with_commas_quotes_and_brackets_is_found(self) -> None:
        self.expect("caught", "^fail: ", case='Sums: twice, "so to say", is two [times]')

    def test_a_crash_catches_too(self) -> None:
        self.expect("caught", "^crash: ", replace="__builtin_trap(), x")

    def test_a_hang_catches_too(self) -> None:
        self.expect("caught", "^hang: ", find="return x + x;",
                    replace="for (volatile int i = 0; x; i = i + 1) {} return x;")

    def test_a_mutant_that_the_case_does_not_notice_survives(self) -> None:
        self.expect("survived", "does not notice it", replace="2 * x")

    def test_another_case_that_would_notice_does_not_count(self) -> None:
        self.expect("survived", "does not notice it", file="src/sums.cpp", find=" + x", replace=" - x")

    def test_a_mutant_that_does_not_compile_is_wrong(self) -> None:
        self.expect("wrong", "with the mutant the stage does not compile", replace="nonsense")

    def test_a_case_that_fails_anyway_is_wrong(self) -> None:
        self.expect("wrong", "fails without the mutant too", case="Sums: always fails")

    def test_a_case_that_does_not_exist_is_wrong(self) -> None:
        self.expect("wrong", "has no test case called", case="Sums: nobody wrote this")

    def test_files_and_stages_that_do_not_exist_are_wrong(self) -> None:
        self.expect("wrong", "there is no tests/test_none.cpp", test="test_none.cpp")
        self.expect("wrong", "there is no chapters/01-sums/src/none.cpp", file="src/none.cpp")
        self.expect("wrong", "there is no stage '07'", stage="07")

    def test_sources_that_do_not_go_together_are_compiled_one_by_one(self) -> None:
        (self.root / "chapters/02-twins/include/treadle").mkdir(parents=True)
        (self.root / "chapters/02-twins/src").mkdir()
        (self.root / "chapters/02-twins/include/treadle/sums.hpp").write_text(HEADER)
        (self.root / "chapters/02-twins/src/sums.cpp").write_text("static int own;\n" + SOURCE)
        (self.root / "chapters/02-twins/src/twin.cpp").write_text("static char own;\n")
        self.expect("caught", "^fail: ", stage="02")

    def test_a_demanded_status_must_be_met(self) -> None:
        self.expect("wrong", "caught as fail, the list demands crash", status="crash")
        self.expect("caught", "^fail: ", status="fail")

    def test_a_survivor_makes_the_status_1(self) -> None:
        survivor, caught = self.judge(replace="2 * x"), self.judge()
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual([mutants.report([caught]), mutants.report([caught, survivor])], [0, 1])


class Choosing(unittest.TestCase):
    def test_a_name_that_is_not_in_the_list_is_answered_with_those_that_are(self) -> None:
        mutant = Mutant("a", "01", "f", "x", "y", "t", "c")
        with self.assertRaisesRegex(ListError, "no mutant called b; write NAME= with one of a"):
            mutants.choose([mutant], "b", "", ROOT)


if __name__ == "__main__":
    unittest.main()
