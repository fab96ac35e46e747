"""The last page of `make test`: what failed and why, the matrix of stages and subjects, the sum in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from test_runner.catch_report import Case

Runs = Mapping[str, Sequence[Case]]  # stage name, e.g. "03-sockets", -> its cases
NONE: Runs = {}


def count(cases: Sequence[Case]) -> tuple[int, int]:
    passed = sum(case.passed for case in cases)
    return passed, len(cases) - passed


def cell(cases: Sequence[Case], equal: Sequence[Case] = ()) -> str:
    """`12` passed; `11!1` for 11 passed and 1 failed; `=` for the previous stage's result, `12=` if some ran and some are
    equal; `.` where the subject does not apply."""
    passed, failed = count(cases)
    mark = "=" if equal else ""
    if failed:
        return f"{passed}!{failed}{mark}"
    return f"{passed or ''}{mark}" or "."


def subjects(runs: Runs) -> list[str]:
    """Every subject, in the order in which the stages bring them."""
    return list(dict.fromkeys(case.subject for cases in runs.values() for case in cases))


def render(runs: Runs, equal: Runs = NONE) -> str:
    """Stages across, subjects down, in each cell the number of cases that passed, or `=`."""
    if not runs:
        return ""
    rows = [["", *(stage[:2] for stage in runs)]]
    for subject in subjects(runs):
        rows.append([subject, *(cell([c for c in cases if c.subject == subject],
                                     [c for c in equal.get(stage, ()) if c.subject == subject]) for stage, cases in runs.items())])
    rows.append(["ran", *(cell(cases) for cases in runs.values())])
    if any(equal.values()):
        rows.append(["equal", *(str(len(equal.get(stage, ()))) for stage in runs)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [_row(row, widths) for row in rows]
    rule, body = "-" * len(lines[0]), 1 + len(subjects(runs))
    return "\n".join([lines[0], rule, *lines[1:body], rule, *lines[body:]])


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:], widths[1:]))])


def failures(runs: Runs) -> str:
    """Each failed case once, with the stages in which it failed and the first one's reasons."""
    places: dict[str, list[str]] = {}
    first: dict[str, Case] = {}
    for stage, cases in runs.items():
        for case in cases:
            if not case.passed:
                places.setdefault(case.name, []).append(stage)
                first.setdefault(case.name, case)
    return "\n\n".join(_failure(first[name], stages) for name, stages in places.items())


def _failure(case: Case, stages: Sequence[str]) -> str:
    lines = [f"FAILED {case.name}", f"  in {', '.join(stages)}"]
    for message in case.messages or ["it gave no reason"]:
        lines += [f"  {line}" for line in message.splitlines()]
    return "\n".join(lines)


def sum_line(groups: Sequence[Sequence[Case]], equal: int = 0) -> str:
    """The cases that did not run because they are equal to others count as skipped."""
    passed, failed = count([case for group in groups for case in group])
    return f"{passed} passed, {failed} failed" + (f", {equal} skipped" if equal else "")
