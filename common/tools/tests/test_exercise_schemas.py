"""The record and everything converted from it keep their schemas; the golden examples show all statuses."""
from __future__ import annotations

import json
import unittest
import xml.etree.ElementTree as ElementTree

import exercise_fixture as fixture  # noqa: F401 - puts the tools on the path
from treadle_tools.exercises import judge, model, record
from treadle_tools.exercises.jsonschema_subset import SchemaError, errors

EXAMPLES = model.SCHEMAS / "examples"


def golden_results(exercise: model.Exercise) -> list[judge.Result]:
    """One exercise with a check in each status, and one that passed."""
    checks, results = [], []
    for status in model.STATUSES:
        message = judge._sentence(status, exercise, "SIGSEGV")
        check = judge.CheckResult(f"Golden: a check that is {status}", status, 2 if status == "passed" else 0, 2, message,
                                  "particulars" if status != "passed" else "", 0.25, "SIGSEGV" if status == "crash" else "")
        checks.append(check)
    described = tuple(model.Check(c.name, c.max) for c in checks)
    for name, some in (("all-statuses", tuple(checks)), ("passed", (checks[0],))):
        shown = model.Exercise(f"01/{name}", exercise.path, exercise.stage, "Golden example", "build", 5,
                               tuple(d for d in described if d.name in {c.name for c in some}), ())
        status = next((c.status for c in some if c.status != "passed"), "passed")
        results.append(judge.Result(shown, status, some, "a compiler 1.0", False, "a" * 64, "b" * 64))
    return results


class Golden(unittest.TestCase):
    """Conversions are compared with files a person has read."""

    @classmethod
    def setUpClass(cls) -> None:
        exercise = model.load(fixture.HERE / "chapters/01-tiny/exercises/double")
        cls.record = record.make(golden_results(exercise))

    def test_the_record_and_its_conversions_are_as_in_the_examples(self) -> None:
        for name, convert in record.MACHINE_FORMATS.items():
            with self.subTest(name):
                path = EXAMPLES / {"json": "result.json", "junit": "junit.xml"}.get(name, f"{name}.json")
                self.assertEqual(path.read_text(encoding="utf-8"), convert(self.record))

    def test_the_examples_keep_their_schemas(self) -> None:
        for name in ("result", "gradescope", "classroom"):
            with self.subTest(name):
                data = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
                self.assertEqual(errors(data, model.schema(name)), [])

    def test_a_check_that_did_not_pass_can_have_no_points(self) -> None:
        data = json.loads(record.to_json(self.record))
        data["exercises"][0]["checks"][-1]["score"] = 2
        self.assertTrue(errors(data, model.schema("result")))

    def test_all_formats_agree_on_the_points(self) -> None:
        for made in (record.gradescope(self.record), record.classroom(self.record)):
            self.assertEqual(sum(test["score"] for test in made["tests"]), self.record["score"])

    def test_junit_counts_and_never_skips(self) -> None:
        suites = ElementTree.fromstring(record.junit(self.record))
        first = suites.find("testsuite")
        self.assertEqual([first.get(k) for k in ("tests", "failures", "errors", "skipped")], ["10", "1", "8", "0"])
        self.assertEqual(len(list(first.iter("error"))), 8)
        self.assertEqual(list(first.iter("skipped")), [])

    def test_junit_stands_control_characters(self) -> None:
        made = json.loads(record.to_json(self.record))
        made["exercises"][0]["checks"][1]["detail"] = "a\x00b\x1bc"
        self.assertIn("a?b?c", record.junit(made))
        ElementTree.fromstring(record.junit(made))


class Subset(unittest.TestCase):
    """The validator finds what it is there to find, and refuses what it does not know."""

    CASES = [
        ({"type": "integer"}, 3, True), ({"type": "integer"}, True, False), ({"type": "integer"}, 3.5, False),
        ({"type": "number"}, 3, True), ({"type": ["string", "null"]}, None, True), ({"type": "string"}, 1, False),
        ({"enum": ["a"]}, "b", False), ({"const": 1}, 1, True), ({"const": 1}, 2, False),
        ({"minimum": 0}, -1, False), ({"maximum": 3}, 4, False), ({"exclusiveMinimum": 0}, 0, False),
        ({"pattern": "^a$"}, "b", False), ({"minLength": 1}, "", False), ({"minItems": 1}, [], False),
        ({"maxItems": 1}, [1, 2], False), ({"uniqueItems": True}, [1, 1], False), ({"items": {"type": "string"}}, ["a", 1], False),
        ({"required": ["a"]}, {}, False), ({"properties": {"a": {"type": "string"}}}, {"a": 1}, False),
        ({"properties": {"a": True}, "additionalProperties": False}, {"b": 1}, False),
        ({"additionalProperties": {"type": "string"}}, {"b": 1}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, False), ({"properties": {"a": False}}, {"a": 1}, False),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}}, 0, False),
    ]

    def test_each_keyword(self) -> None:
        for schema, value, fine in self.CASES:
            with self.subTest(schema=schema, value=value):
                self.assertEqual(errors(value, schema) == [], fine)

    def test_an_error_names_the_place(self) -> None:
        schema = {"properties": {"a": {"items": {"type": "string"}}}}
        self.assertEqual(errors({"a": ["x", 1]}, schema), ["$.a[1]: must be string, is int"])

    def test_an_unknown_keyword_is_refused(self) -> None:
        with self.assertRaises(SchemaError):
            errors(1, {"multipleOf": 2})


if __name__ == "__main__":
    unittest.main()
