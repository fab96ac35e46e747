"""The one record of a grading run, and its conversions.

Everything a reader shows (terminal, JUnit, Gradescope, GitHub Classroom) is computed from this record and from nothing
else, so they can never disagree. Its schema is common/tools/schemas/result.schema.json.
"""
from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any, Callable

from .judge import CheckResult, Result

Record = dict[str, Any]


def number(value: float) -> float | int:
    """3 rather than 3.0; people read these files."""
    return int(value) if float(value).is_integer() else value


def _check(check: CheckResult) -> Record:
    return {"name": check.name, "status": check.status, "score": number(check.points), "max": number(check.max),
            "message": check.message, "detail": check.detail, "seconds": check.seconds, "signal": check.signal,
            "visibility": check.visibility}


def _exercise(result: Result) -> Record:
    exercise = result.exercise
    return {"id": exercise.id, "title": exercise.title, "kind": exercise.kind, "status": result.status,
            "score": number(result.score), "max": number(exercise.max), "checks": [_check(c) for c in result.checks],
            "toolchain": result.toolchain, "sanitize": result.sanitize, "answer_sha256": result.answer_sha256,
            "check_sha256": result.check_sha256, "warnings": result.warnings}


def make(results: list[Result]) -> Record:
    """The record of a run."""
    exercises = [_exercise(result) for result in results]
    return {"schema": 1, "status": "passed" if all(r.passed for r in results) else "failed",
            "score": number(sum(r.score for r in results)), "max": number(sum(r.exercise.max for r in results)),
            "exercises": exercises}


def _why(check: Record) -> str:
    return "\n".join(part for part in (check["message"], check["detail"]) if part)


def _pairs(record: Record) -> list[tuple[Record, Record]]:
    return [(exercise, check) for exercise in record["exercises"] for check in exercise["checks"]]


def to_json(record: Record) -> str:
    """The record itself."""
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def gradescope(record: Record) -> Record:
    """What Gradescope reads from results/results.json. Each test has a score; the total is their sum."""
    tests = [{"name": f"{exercise['id']} {check['name']}", "number": str(i + 1), "score": check["score"],
              "max_score": check["max"], "status": "passed" if check["status"] == "passed" else "failed",
              "output": f"[{check['status']}] {_why(check)}", "output_format": "text", "tags": [exercise["kind"], exercise["id"]],
              "visibility": check["visibility"]} for i, (exercise, check) in enumerate(_pairs(record))]
    return {"output": "\n".join(f"{e['id']}: {e['status']}, {e['score']} of {e['max']}" for e in record["exercises"]),
            "output_format": "text", "visibility": "visible", "stdout_visibility": "hidden",
            "execution_time": round(sum(check["seconds"] for _, check in _pairs(record)), 3),
            "tests": tests, "extra_data": {"treadle_schema": record["schema"], "answers": {
                e["id"]: e["answer_sha256"] for e in record["exercises"]}, "checks": {
                e["id"]: e["check_sha256"] for e in record["exercises"]}}}


def _classroom_status(check: Record) -> str:
    return {"passed": "pass", "wrong": "fail"}.get(check["status"], "error")


def classroom(record: Record) -> Record:
    """What GitHub Classroom's autograding-grading-reporter reads (after base64) as one runner's results."""
    tests = [{"name": f"{exercise['id']} {check['name']}", "status": _classroom_status(check), "score": check["score"],
              "message": None if check["status"] == "passed" else f"[{check['status']}] {_why(check)}",
              "test_code": f"make exercise EX={exercise['id']}", "filename": f"work/{exercise['id']}/answer.cpp",
              "line_no": 0, "duration": round(check["seconds"] * 1000)} for exercise, check in _pairs(record)]
    states = {test["status"] for test in tests}
    worst = "error" if "error" in states else "fail" if "fail" in states else "pass"
    return {"version": 1, "status": worst, "max_score": record["max"], "tests": tests}


def junit(record: Record) -> str:
    """JUnit's XML. A check that did not run is an error and never "skipped", which most readers show as green."""
    suites = ElementTree.Element("testsuites", name="treadle exercises")
    for exercise in record["exercises"]:
        suites.append(_suite(exercise))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _suite(exercise: Record) -> ElementTree.Element:
    states = [check["status"] for check in exercise["checks"]]
    errors = sum(state not in ("passed", "wrong") for state in states)
    suite = ElementTree.Element("testsuite", name=exercise["id"], tests=str(len(states)), errors=str(errors),
                                failures=str(states.count("wrong")), skipped="0",
                                time=f"{sum(c['seconds'] for c in exercise['checks']):.3f}")
    for check in exercise["checks"]:
        case = ElementTree.SubElement(suite, "testcase", classname=exercise["id"], name=check["name"],
                                      time=f"{check['seconds']:.3f}")
        if check["status"] != "passed":
            kind = "failure" if check["status"] == "wrong" else "error"
            problem = ElementTree.SubElement(case, kind, type=check["status"], message=_printable(check["message"]))
            problem.text = _printable(check["detail"])
    return suite


def _printable(text: str) -> str:
    """XML has no way to write control characters, and a program may print any."""
    return "".join(c if c in "\n\t" or (c >= " " and c not in "\ufffe\uffff") else "?" for c in text)


def dumps(value: Record) -> str:
    """JSON as we write it everywhere."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


MACHINE_FORMATS: dict[str, Callable[[Record], str]] = {
    "json": to_json,
    "junit": junit,
    "gradescope": lambda record: dumps(gradescope(record)),
    "classroom": lambda record: dumps(classroom(record)),
}
