"""Makes a compiler's complaints short: the first error, at the learner's own line, with that line."""
from __future__ import annotations

import re
from dataclasses import dataclass

PLACE = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:\d+:)? (?P<kind>fatal error|error|warning|note): (?P<text>.*)$")


@dataclass(frozen=True)
class Complaint:
    """One line of a compiler's output that names a place."""

    file: str
    line: int
    kind: str
    text: str


def complaints(output: str) -> list[Complaint]:
    """All of them, in order."""
    found = (PLACE.match(line) for line in output.splitlines())
    return [Complaint(m["file"], int(m["line"]), m["kind"], m["text"]) for m in found if m]


def _in_answer(complaint: Complaint, answer: str) -> bool:
    return complaint.file == answer


def _show(complaint: Complaint, answer: str, source: str, kind: str = "error") -> str:
    lines = source.splitlines()
    own = _in_answer(complaint, answer)
    name = "answer.cpp" if own else complaint.file.rpartition("/")[2]
    said = f"{name}:{complaint.line}: {kind}: {shorten(complaint.text)}"
    if own and 0 < complaint.line <= len(lines):
        said += f"\n    {lines[complaint.line - 1].strip()[:160]}"
    return said


def shorten(text: str) -> str:
    """Library names as people write them, and no more than a line's worth."""
    text = re.sub(r"std::(?:__cxx11|__1)::", "std::", text)
    text = re.sub(r"std::basic_string<char>", "std::string", text)
    return text if len(text) <= 300 else text[:297] + "..."


def first_error(output: str, answer: str, source: str) -> str:
    """The first error in the answer, or else the first at all with the answer's line it comes from."""
    every = complaints(output)
    errors = [c for c in every if c.kind in ("error", "fatal error")]
    own = [c for c in errors if _in_answer(c, answer)]
    if own:
        return _show(own[0], answer, source)
    if errors:
        after = every[every.index(errors[0]) + 1:]
        notes = [c for c in after if c.kind == "note" and _in_answer(c, answer)][:1]
        return "\n".join([_show(errors[0], answer, source), *(_show(n, answer, source, "note") for n in notes)])
    missing = re.search(r"undefined (?:reference to|symbol:?) [`']?([^'\n]+)", output)
    if missing:
        return f"{missing.group(1).strip()} is declared but never defined"
    return next((shorten(line) for line in output.splitlines() if "error" in line), "the compiler gave no reason")


def warnings(output: str, answer: str, source: str, most: int = 3) -> str:
    """The first warnings about the answer itself; they never fail it, but often name the fault."""
    own = [c for c in complaints(output) if c.kind == "warning" and _in_answer(c, answer)]
    return "\n".join(_show(c, answer, source, "warning") for c in own[:most])
