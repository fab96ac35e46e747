"""Read the XML report of a Catch2 program, also one that was cut off because the program died.

Catch2 writes each test case as it goes, so the report of a program that crashed still says which cases ended and in
which one it died. That is all we need to name the culprit. Versions 2 and 3 differ only in the outer elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree


@dataclass
class Case:
    """One test case that ended, or in which the program died."""

    name: str
    passed: bool
    where: str = ""
    messages: list[str] = field(default_factory=list)
    fatal: bool = False  # Catch2 itself caught a signal in it, and the program ended there

    @property
    def subject(self) -> str:
        """The words before the colon of `Subject: law in the present tense`."""
        return self.name.split(":", 1)[0].strip() if ":" in self.name else "(no subject)"

    @property
    def file(self) -> str:
        """The name of the test file that it is in; empty if that is not known."""
        return Path(self.where.rsplit(":", 1)[0]).name


@dataclass
class Report:
    """What a report holds: the cases that ended, and the one that was still open."""

    cases: list[Case] = field(default_factory=list)
    open_case: str | None = None
    open_where: str = ""


def read(path: Path) -> Report:
    """Read the report at `path`; a missing or truncated one gives what there is."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return Report()


def parse(data: bytes) -> Report:
    report = Report()
    parser = ElementTree.XMLPullParser(events=("start", "end"))
    try:
        parser.feed(data)
    except ElementTree.ParseError:
        pass  # cut off in the middle of an element; what came before has been read
    try:
        for event, element in parser.read_events():
            if element.tag == "TestCase":
                _take(report, event, element)
    except ElementTree.ParseError:
        pass
    return report


def _take(report: Report, event: str, element: ElementTree.Element) -> None:
    if event == "start":
        report.open_case, report.open_where = element.get("name", ""), _place(element)
        return
    report.open_case = None
    result = element.find("OverallResult")
    if result is not None and result.get("skips", "0") != "0" and result.get("success") == "true":
        return  # Catch2 v3's SKIP(): neither passed nor failed
    passed = result is not None and result.get("success") == "true"
    fatal = next(element.iter("FatalErrorCondition"), None) is not None
    where = _place(element)
    report.cases.append(Case(element.get("name", ""), passed, where, [] if passed else _messages(element), fatal))


def _place(element: ElementTree.Element) -> str:
    name, line = element.get("filename", ""), element.get("line", "")
    return f"{name}:{line}" if name else ""


def _messages(case: ElementTree.Element) -> list[str]:
    """One text for each thing that went wrong in a test case, in order."""
    found = []
    notes: list[str] = []
    for element in case.iter():
        if element.tag in ("Info", "Warning"):
            notes.append((element.text or "").strip())
        text = _message(element)
        if text:
            found.append("\n".join([text, *(f"with: {note}" for note in notes)]))
            notes = []
    return found


def _message(element: ElementTree.Element) -> str:
    if element.tag == "Expression" and element.get("success") == "false":
        return _expression(element)
    if element.tag in ("Failure", "FatalErrorCondition") or (element.tag == "Exception"):
        what = {"Failure": "", "Exception": "unexpected exception: ", "FatalErrorCondition": "the program died: "}
        return f"{_place(element)}: {what[element.tag]}{(element.text or '').strip()}"
    return ""


def _expression(element: ElementTree.Element) -> str:
    if element.find("Exception") is not None or element.find("FatalErrorCondition") is not None:
        return f"{_place(element)}: in {element.get('type')}( {_text(element, 'Original')} )"
    original, expanded = _text(element, "Original"), _text(element, "Expanded")
    shown = f"{_place(element)}: {element.get('type')}( {original} )"
    return shown if expanded == original else f"{shown}\nwith expansion: {expanded}"


def _text(element: ElementTree.Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()
