"""The results of `make test` as JUnit's XML, which most services that run tests can show.

A suite is a stage; the exercises and the tools are suites too. A case that was not run because it is equal to the previous
stage's is skipped, and names the stage that ran it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from test_runner.catch_report import Case

Equal = Mapping[str, Sequence[tuple[Case, str]]]  # stage -> cases that read `=`, each with the stage that ran it


def document(runs: Mapping[str, Sequence[Case]], equal: Equal) -> ElementTree.Element:
    root = ElementTree.Element("testsuites", name="treadle")
    for name, cases in runs.items():
        same = equal.get(name, ())
        failed = sum(not case.passed for case in cases)
        suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(cases) + len(same)), failures=str(failed),
                                       errors="0", skipped=str(len(same)))
        for case in cases:
            _add(suite, name, case)
        for case, origin in same:
            ElementTree.SubElement(_element(suite, name, case), "skipped", message=f"the same code as at {origin}, where it passed")
    return root


def _element(suite: ElementTree.Element, stage: str, case: Case) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=f"{stage}.{case.subject}", name=case.name)


def _add(suite: ElementTree.Element, stage: str, case: Case) -> None:
    element = _element(suite, stage, case)
    if not case.passed:
        failure = ElementTree.SubElement(element, "failure", message=(case.messages or ["it gave no reason"])[0].splitlines()[0])
        failure.text = "\n".join(case.messages)


def write(path: Path, runs: Mapping[str, Sequence[Case]], equal: Equal) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(document(runs, equal)).write(path, encoding="utf-8", xml_declaration=True)
