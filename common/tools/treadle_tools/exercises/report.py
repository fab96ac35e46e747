"""Reads the report Catch2 wrote about one check, and says why it failed in a learner's words.

What a program prints is never read as a result: only this report is, and only if it is complete and names the check
that was asked for.
"""
from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Report:
    """What Catch2 said. `complete` is false if the program ended before Catch2 did."""

    complete: bool = False
    success: bool = False
    assertions: int = 0
    why: str = ""
    exceptions: tuple[str, ...] = ()


def read(path: Path, name: str) -> Report:
    """The report about the check of that name; an empty one if there is none or it is broken off."""
    try:
        tree = ElementTree.fromstring(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ElementTree.ParseError):
        return Report()
    cases = [case for case in tree.iter("TestCase") if case.get("name") == name]
    totals = tree.find("OverallResults")
    if len(cases) != 1 or totals is None or cases[0].find("OverallResult") is None:
        return Report()
    case = cases[0]
    passed, failed = int(totals.get("successes", 0)), int(totals.get("failures", 0))
    success = case.find("OverallResult").get("success") == "true" and failed == 0
    thrown = tuple(_text(e) for e in case.iter("Exception"))
    return Report(True, success, passed + failed, _why(case), thrown)


def _text(element: ElementTree.Element | None) -> str:
    return re.sub(r"\s+", " ", (element.text or "").strip()) if element is not None else ""


def _why(case: ElementTree.Element) -> str:
    """The first failure: what the check says about it (its INFO lines), then what was compared."""
    told: list[str] = []
    for element in case.iter():
        if element.tag == "Info":
            told.append(_text(element))
        elif element.tag in ("Failure", "FatalErrorCondition"):
            return "\n".join([*told, _text(element)])
        elif element.tag == "Exception":
            return "\n".join([*told, f"It threw: {_text(element)}"])
        elif element.tag == "Expression":
            if element.get("success") == "false":
                return "\n".join([*told, _comparison(element)])
            told = []
    return "\n".join(told)


def _comparison(expression: ElementTree.Element) -> str:
    thrown = expression.find("Exception")
    original, expanded = _text(expression.find("Original")), _text(expression.find("Expanded"))
    if original.startswith("{Unknown expression"):
        return f"It threw: {_text(thrown)}"
    if thrown is not None:
        return f"While checking: {original}\nIt threw: {_text(thrown)}"
    lines = [f"This does not hold: {original}"]
    if expanded and expanded != original:
        lines.append(f"With the values: {expanded}")
    return "\n".join(lines)
