"""Only a complete report about the right check can make it pass, and what it says is put in a learner's words."""
from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import exercise_fixture  # noqa: F401 - puts the tools on the path
from treadle_tools.exercises import diagnostics, report

PASSED = """<?xml version="1.0"?><Catch><Group><TestCase name="A: b"><OverallResult success="true"/></TestCase></Group>
<OverallResults successes="2" failures="0" expectedFailures="0"/></Catch>"""
FAILED = """<Catch2TestRun><TestCase name="A: b"><Info> the law </Info><Expression success="false" type="CHECK">
<Original> a == b </Original><Expanded> 1 == 2 </Expanded></Expression><OverallResult success="false"/></TestCase>
<OverallResults successes="0" failures="1" expectedFailures="0"/></Catch2TestRun>"""


class Reading(unittest.TestCase):
    """Reports as they come, and as somebody might wish they came."""

    def read(self, text: str) -> report.Report:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "r.xml")
            path.write_text(text, encoding="utf-8")
            return report.read(path, "A: b")

    def test_a_complete_report_of_either_catch_is_understood(self) -> None:
        passed, failed = self.read(PASSED), self.read(FAILED)
        self.assertEqual((passed.complete, passed.success, passed.assertions), (True, True, 2))
        self.assertEqual((failed.complete, failed.success), (True, False))
        self.assertEqual(failed.why, "the law\nThis does not hold: a == b\nWith the values: 1 == 2")

    def test_anything_less_counts_for_nothing(self) -> None:
        broken = {
            "no file": "", "broken off": PASSED[:-10], "another check": PASSED.replace("A: b", "A: c"),
            "twice": PASSED.replace("<Group>", '<Group><TestCase name="A: b"><OverallResult success="true"/></TestCase>'),
            "no totals": PASSED.replace("OverallResults", "Nothing"), "no result": PASSED.replace("OverallResult ", "Nothing "),
        }
        for name, text in broken.items():
            with self.subTest(name):
                self.assertEqual(self.read(text), report.Report())
        self.assertEqual(report.read(Path("/nonexistent"), "A: b"), report.Report())

    def test_success_beside_a_failure_is_no_success(self) -> None:
        self.assertFalse(self.read(PASSED.replace('failures="0"', 'failures="1"')).success)


class Complaints(unittest.TestCase):
    """The first error at the learner's line, however it came about."""

    def test_an_error_in_the_answer_comes_before_those_it_causes_elsewhere(self) -> None:
        output = "/x/check.cpp:9:3: error: no twice\n/j/answer.cpp:2:1: error: expected '}'\n"
        self.assertEqual(diagnostics.first_error(output, "/j/answer.cpp", "int a;\nint b {"), "answer.cpp:2: error: expected '}'\n    int b {")

    def test_an_error_elsewhere_brings_the_note_about_the_answer(self) -> None:
        output = "/x/check.cpp:9:3: error: no match\n/j/answer.cpp:1:5: note: candidate is this\n"
        said = diagnostics.first_error(output, "/j/answer.cpp", "int a;")
        self.assertEqual(said, "check.cpp:9: error: no match\nanswer.cpp:1: note: candidate is this\n    int a;")

    def test_a_linker_is_understood(self) -> None:
        self.assertIn("twice(int) is declared but never defined", diagnostics.first_error(
            "/usr/bin/ld: /tmp/check.o: in function `f':\ncheck.cpp: undefined reference to `twice(int)'\n", "/j/answer.cpp", ""))


if __name__ == "__main__":
    unittest.main()
