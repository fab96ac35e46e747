"""The mutants, on small trees made for it: the stages in which one runs, and what is called caught, survived and wrong."""

from __future__ import annotations

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import mutants
from mutation import reached as reached_module
from mutation import slices
from mutation import trials as trials_module
from mutation.listing import ListError, Mutant, read
from mutation.objects import Compiler, Store
from mutation.reached import Reached
from mutation.selection import Selection, replacements, select
from mutation.trials import Trials
from test_runner import build
from treadle_tools import build_folder, stages

ROOT = Path(__file__).resolve().parents[3]
STORE = build_folder.of() / "mutants"  # the true runs use it too, so that system headers are precompiled once
HEADER = "#pragma once\ninline int twice(int x) { return x + x; }\nint thrice(int x);\n"
SOURCE = '#include "treadle/sums.hpp"\nint thrice(int x) {\n  return twice(x) + x;\n}\n'
TESTS = """\
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
#include "treadle/sums.hpp"
TEST_CASE("Sums: twice is two times") {
  CHECK(twice(2) == 4);
}
TEST_CASE("Sums: thrice is three times") {
  CHECK(thrice(2) == 6);
}
TEST_CASE("Sums: twice, \\"in other words\\", is two [times]") {
  CHECK(twice(3) == 6);
}
TEST_CASE("Sums: always fails") {
  CHECK(false);
}
TEST_CASE("Sums: always crashes") {
  __builtin_trap();
}
TEST_CASE("Sums: knows its line") {
  CHECK(__LINE__ == 23);
  CHECK(std::string(__FILE__).ends_with("/tests/test_sums.cpp"));
}
TEST_CASE("Sums: at the end of its file") { CHECK(twice(1) == 2); }
"""
FIELDS = {"name": "twice-is-once", "stage": "01", "file": "include/treadle/sums.hpp", "find": "x + x", "replace": "x",
          "test": "test_sums.cpp", "case": "Sums: twice is two times"}


def entry(**changes: str) -> str:
    fields = {**FIELDS, **changes}
    return "[[mutant]]\n" + "".join(f"{key} = {value!r}\n" for key, value in fields.items() if value)


class TreeCase(unittest.TestCase):
    """A tree with the stages that a test writes."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle mutants ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.put("tests/test_sums.cpp", TESTS)

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def headers(self, *texts: str) -> None:
        """Stages from 01 on whose header has these texts; an empty one means that the stage has no such file."""
        for number, text in enumerate(texts, 1):
            (self.root / f"chapters/{number:02}-stage/include/treadle").mkdir(parents=True)
            if text:
                self.put(f"chapters/{number:02}-stage/include/treadle/sums.hpp", text)

    def select(self, key_of=lambda stage, test: stage.name, **changes: str) -> Selection:
        return select(Mutant(**{**FIELDS, **changes}), stages.stages(self.root), key_of)


def numbers(found: tuple[stages.Stage, ...]) -> list[str]:
    return [stage.number for stage in found]


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

    def test_what_is_wrong_is_said_by_name(self) -> None:
        self.assertIn("twice-is-once: it lacks case", self.wrong(entry(case="")))
        self.assertIn("twice-is-once: it lacks stage", self.wrong(entry(stage="")))
        self.assertIn("two entries with this name for stage 01", self.wrong(entry() + entry()))
        self.assertIn("unknown key kase", self.wrong(entry(kase="x")))
        self.assertIn("is one of fail, crash, hang", self.wrong(entry(status="odd")))
        self.assertIn("same text", self.wrong(entry(replace="x + x")))
        self.assertIn("cannot be read", self.wrong("[[mutant"))

    def test_a_name_may_occur_again_for_a_later_stage(self) -> None:
        self.assertEqual([m.stage for m in self.read(entry() + entry(stage="03"))], ["01", "03"])

    def test_the_true_list_can_be_read_and_fits_the_sources(self) -> None:
        selections, wrong = mutants.select_all(read(ROOT / "common/tools/mutants.toml"), ROOT, Reached(ROOT))
        self.assertEqual([verdict.detail for verdict in wrong], [])
        for mutant in (each.mutant for each in selections):
            cases = slices.case_names((ROOT / "tests" / mutant.test).read_text())
            self.assertIn(mutant.case, cases, mutant.name)


class Selecting(TreeCase):
    """The stages in which a mutant runs."""

    def test_it_runs_in_the_last_stage_that_changes_its_file_and_in_the_newest(self) -> None:
        self.headers(HEADER, HEADER + "// 2\n", HEADER + "// 2\n", HEADER + "// 2\n")
        found = self.select()
        self.assertEqual((numbers(found.applies), numbers(found.runs)), (["01", "02", "03", "04"], ["02", "04"]))
        self.assertTrue(found.fits_newest)

    def test_it_runs_in_its_first_stage_if_no_later_one_changes_the_file(self) -> None:
        self.headers(HEADER, HEADER, HEADER)
        self.assertEqual(numbers(self.select(stage="02").runs), ["02", "03"])

    def test_it_runs_once_if_the_newest_stage_changes_its_file(self) -> None:
        self.headers(HEADER, HEADER + "// 2\n")
        self.assertEqual(numbers(self.select().runs), ["02"])

    def test_it_does_not_run_in_a_newest_stage_in_which_its_test_is_the_same_program(self) -> None:
        self.headers(HEADER, HEADER)
        found = self.select(key_of=lambda stage, test: test)
        self.assertEqual((numbers(found.runs), found.same_in_newest), (["01"], True))

    def test_drawn_it_runs_in_one_of_its_stages_and_in_each_for_some_commit(self) -> None:
        self.headers(HEADER, HEADER + "// 2\n", HEADER + "// 2\n", HEADER + "// 2\n")
        runs = mutants.runs_of([self.select()])
        self.assertEqual(mutants.drawn(runs, ""), runs)
        chosen = [mutants.drawn(runs, str(commit)) for commit in range(20)]
        self.assertEqual({len(each) for each in chosen}, {1})
        self.assertEqual({each[0].stage.number for each in chosen}, {"02", "04"})
        self.assertEqual(mutants.drawn(runs, "1"), mutants.drawn(runs, "1"))

    def test_a_text_that_no_longer_fits_ends_the_range(self) -> None:
        changed = HEADER.replace("x + x", "2 * x")
        for last in (changed, HEADER + "// x + x\n", ""):
            with self.subTest(last), tempfile.TemporaryDirectory() as folder:
                self.root = Path(folder)
                self.headers(HEADER, HEADER + "// 2\n", HEADER + "// 2\n", last)
                found = self.select()
                self.assertEqual((numbers(found.applies), numbers(found.runs)), (["01", "02", "03"], ["02"]))
                self.assertFalse(found.fits_newest)

    def test_a_text_that_comes_back_does_not_count(self) -> None:
        self.headers(HEADER, HEADER.replace("x + x", "2 * x"), HEADER)
        self.assertEqual((numbers(self.select().applies), self.select().fits_newest), (["01"], False))

    def test_a_file_that_flips_back_has_changed(self) -> None:
        self.headers(HEADER, HEADER + "// 2\n", HEADER, HEADER)
        self.assertEqual(numbers(self.select().runs), ["03", "04"])

    def test_a_text_must_occur_once_in_the_first_stage(self) -> None:
        self.headers(HEADER, HEADER + "// x + x\n")
        for changes, words in (({"find": "nothing"}, "does not occur in 01-stage/include/treadle/sums.hpp"),
                               ({"stage": "02"}, "occurs 2 times"), ({"stage": "07"}, "there is no stage '07'"),
                               ({"file": "src/none.cpp"}, "there is no 01-stage/src/none.cpp")):
            with self.assertRaisesRegex(ListError, words):
                self.select(**changes)

    def test_an_entry_of_the_same_name_replaces_it_from_its_stage_on(self) -> None:
        self.headers(HEADER, HEADER, HEADER)
        old, new, other = Mutant(**FIELDS), Mutant(**{**FIELDS, "stage": "03"}), Mutant(**{**FIELDS, "name": "thrice"})
        self.assertEqual(replacements([old, new, other]), {old: "03"})
        found = select(old, stages.stages(self.root), lambda stage, test: test, "03")
        self.assertEqual((numbers(found.applies), numbers(found.runs), found.fits_newest), (["01", "02"], ["01"], True))


class Reaching(TreeCase):
    """When two stages are the same to a test."""

    def setUp(self) -> None:
        super().setUp()
        self.headers(HEADER, HEADER)
        for number in ("01", "02"):
            self.put(f"chapters/{number}-stage/src/sums.cpp", SOURCE)
            self.put(f"chapters/{number}-stage/src/other.cpp", "int other() { return 1; }\n")

    def test_a_source_that_the_test_links_makes_a_difference_and_another_does_not(self) -> None:
        self.put("chapters/02-stage/src/other.cpp", "int other() { return 2; }\n")
        self.assertEqual(numbers(self.select(Reached(self.root).key).runs), ["01"])
        self.put("chapters/02-stage/src/sums.cpp", SOURCE + "// 2\n")
        self.assertEqual(numbers(self.select(Reached(self.root).key).runs), ["01", "02"])

    def test_without_ctags_a_test_reaches_the_whole_stage(self) -> None:
        with mock.patch.object(reached_module, "_works", return_value=False):
            self.assertEqual(numbers(self.select(Reached(self.root).key).runs), ["01"])
            self.put("chapters/02-stage/src/other.cpp", "int other() { return 2; }\n")
            self.assertEqual(numbers(self.select(Reached(self.root).key).runs), ["01", "02"])
            sources = Reached(self.root).sources(stages.find("02", self.root), "test_sums.cpp")
            self.assertEqual([path.name for path in sources], ["other.cpp", "sums.cpp"])


class Slicing(unittest.TestCase):
    def test_only_the_chosen_cases_are_left_and_every_line_keeps_its_number(self) -> None:
        text = slices.only(TESTS, ["Sums: thrice is three times"])
        self.assertEqual(slices.case_names(text), ["Sums: thrice is three times"])
        lines, kept = TESTS.split("\n"), text.split("\n")
        self.assertEqual([line for line in kept if line], lines[:6] + lines[9:12] + lines[25:26])
        self.assertEqual(kept.index("  CHECK(thrice(2) == 6);"), lines.index("  CHECK(thrice(2) == 6);"))

    def test_a_name_is_the_one_that_the_program_reports(self) -> None:
        self.assertIn('Sums: twice, "in other words", is two [times]', slices.case_names(TESTS))
        wrapped = 'TEST_CASE(\n    "Sums: one that is long, "\n    "in two literals", "[tag]") {\n}\n'
        self.assertEqual(slices.case_names(wrapped), ["Sums: one that is long, in two literals"])

    def test_no_true_test_file_hides_a_case(self) -> None:
        for path in sorted((ROOT / "tests").glob("*.cpp")):
            text = path.read_text()
            self.assertNotIn("TEST_CASE", slices.only(text, []), path.name)
            self.assertEqual(slices.only(text, slices.case_names(text)), text, path.name)


class Runs(unittest.TestCase):
    """One tree for all: every object is compiled once."""

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle mutants ")
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        twin = '#include "treadle/sums.hpp"\nstatic char own;\nint twin() { return twice(own); }\n'
        for name, text in (("tests/test_sums.cpp", TESTS), ("chapters/01-sums/include/treadle/sums.hpp", HEADER),
                           ("chapters/01-sums/src/sums.cpp", SOURCE), ("chapters/01-sums/src/other.cpp", "int other() { return 1; }\n"),
                           ("chapters/02-twins/include/treadle/sums.hpp", HEADER + "int twin();\n"),
                           ("chapters/02-twins/src/sums.cpp", "static int own;\n" + SOURCE), ("chapters/02-twins/src/twin.cpp", twin)):
            (cls.root / name).parent.mkdir(parents=True, exist_ok=True)
            (cls.root / name).write_text(text)
        cls.store = Store(STORE, Compiler(build.chosen_compiler().command), 2)
        cls.store.precompile(path for part in ("tests", "chapters", "common/testing") for path in (ROOT / part).rglob("*.[hc]pp"))

    def judge(self, stage: str = "01", **changes: str) -> mutants.Verdict:
        run = mutants.Run(Mutant(**{**FIELDS, **changes}), stages.find(stage, self.root))
        return mutants.judge(self.trials([run]), run)

    def trials(self, runs: list[mutants.Run]) -> Trials:
        return Trials(self.root, self.store, Reached(self.root), [(run.stage, run.mutant) for run in runs], 1, 1.0)

    def expect(self, word: str, detail: str, **changes: str) -> None:
        verdict = self.judge(**changes)
        self.assertEqual(verdict.word, word, verdict.detail)
        self.assertRegex(verdict.detail, detail)

    def test_a_mutant_that_the_named_case_notices_is_caught(self) -> None:
        self.expect("caught", "^fail: ")
        self.expect("caught", "^fail: ", file="src/sums.cpp", find=" + x", replace=" - x",
                    case="Sums: thrice is three times")

    def test_a_name_with_commas_quotes_and_brackets_is_found(self) -> None:
        self.expect("caught", "^fail: ", case='Sums: twice, "in other words", is two [times]')

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
        self.expect("wrong", "fails without the mutant too", case="Sums: always crashes")

    def test_a_case_that_does_not_exist_is_wrong(self) -> None:
        self.expect("wrong", "has no test case called", case="Sums: does not exist")

    def test_sources_that_cannot_be_compiled_as_one_are_compiled_one_by_one(self) -> None:
        self.expect("caught", "^fail: ", stage="02", case="Sums: thrice is three times")

    def test_a_mutant_may_need_a_source_that_the_test_does_not_reach(self) -> None:
        self.expect("caught", "^fail: ", find="return x + x;", replace="int other(); return other();")

    def test_a_definition_that_no_source_has_is_wrong(self) -> None:
        self.expect("wrong", "does not compile.*", find="return x + x;", replace="int no_such(); return no_such();")

    def test_a_demanded_status_must_be_met(self) -> None:
        self.expect("wrong", "caught as fail, the list demands crash", status="crash")
        self.expect("caught", "^fail: ", status="fail")

    def test_a_case_keeps_its_file_and_line(self) -> None:
        self.expect("survived", "does not notice", replace="2 * x", case="Sums: knows its line")

    def test_a_case_on_one_line_is_found(self) -> None:
        self.expect("caught", "^fail: ", case="Sums: at the end of its file")

    def test_cases_of_one_file_run_in_one_process_and_a_crash_costs_one_of_them(self) -> None:
        names = ["Sums: always crashes", "Sums: does not exist", "Sums: thrice is three times", "Sums: twice is two times"]
        stage = stages.find("01", self.root)
        runs = [mutants.Run(Mutant(**{**FIELDS, "case": name}), stage) for name in names]
        with mock.patch("mutation.trials._run_once", wraps=trials_module._run_once) as run_once:
            outcomes = self.trials(runs).unbroken(stage, "test_sums.cpp").outcomes
        self.assertEqual([outcomes[name].status for name in names], ["crash", "missing", "pass", "pass"])
        self.assertLess(run_once.call_count, len(names))


class Reports(TreeCase):
    """The doors: what is chosen, and what is printed."""

    def mutants(self, *argv: str) -> tuple[int, str]:
        out = io.StringIO()
        unset = mock.patch.dict("os.environ", NAME="", CH="", TREADLE_DRAW="")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), unset:
            code = mutants.main([*argv, "--root", str(self.root), "--list", str(self.root / "mutants.toml")])
        return code, out.getvalue()

    def test_a_plan_runs_nothing_and_ch_picks_those_that_run_there(self) -> None:
        self.headers(HEADER, HEADER + "// 2\n", HEADER + "// 2\n")
        self.put("chapters/03-stage/src/sums.cpp", SOURCE)
        self.put("mutants.toml", entry() + entry(name="other", stage="03"))
        code, text = self.mutants("--plan")
        self.assertEqual((code, [line.split()[:2] for line in text.splitlines()[:3]]),
                         (0, [["02", "twice-is-once"], ["03", "twice-is-once"], ["03", "other"]]))
        self.assertIn("1 runs", self.mutants("--plan", "--stage", "2")[1])
        self.assertIn("2 runs", self.mutants("--plan", "--draw", "a commit")[1])
        code, text = self.mutants("--plan", "--stage", "01")
        self.assertEqual((code, text), (2, "No mutant runs in stage 01. Write CH= with one of 02, 03.\n"))

    def test_a_name_that_is_not_in_the_list_is_answered_with_those_that_are(self) -> None:
        self.headers(HEADER)
        self.put("mutants.toml", entry())
        self.assertEqual(self.mutants("--only", "b"),
                         (2, "There is no mutant called b; write NAME= with one of twice-is-once.\n"))

    def test_an_entry_that_does_not_fit_its_first_stage_is_wrong(self) -> None:
        self.headers(HEADER)
        chosen, wrong = mutants.select_all([Mutant(**{**FIELDS, "find": "y"}), Mutant(**{**FIELDS, "test": "test_none.cpp"})],
                                           self.root, Reached(self.root))
        self.assertEqual(chosen, [])
        self.assertRegex(wrong[0].detail, "does not occur")
        self.assertRegex(wrong[1].detail, "there is no tests/test_none.cpp")

    def test_the_summary_counts_and_names_those_that_no_longer_fit(self) -> None:
        self.headers(HEADER, HEADER.replace("x + x", "2 * x"))
        selection = self.select()
        caught = mutants.Verdict(selection.mutant, "01", "caught", "fail: x")
        for verbose, words in ((False, "1 no longer fit the newest stage; --verbose names them"),
                               (True, "  twice-is-once: last in stage 01, include/treadle/sums.hpp")):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                self.assertEqual(mutants.report([caught], [selection], verbose), 0)
            self.assertIn("1 mutants in 1 runs: 1 caught, 0 survived, 0 wrong", out.getvalue())
            self.assertIn(words, out.getvalue())

    def test_a_survivor_makes_the_status_1(self) -> None:
        mutant = Mutant(**FIELDS)
        verdicts = [mutants.Verdict(mutant, "01", word, "x") for word in ("caught", "survived")]
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual([mutants.report(verdicts[:1], [], False), mutants.report(verdicts, [], False)], [0, 1])


if __name__ == "__main__":
    unittest.main()
