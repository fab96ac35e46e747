"""What people see: one answer's result, the table of a grading run. Colour as terminal.py says."""
from __future__ import annotations

import sys
import textwrap
from typing import TextIO

from .. import terminal
from .judge import NOT_BEGUN
from .record import Record, number

GREEN, RED, YELLOW, DIM, BOLD = "32", "31", "33", "2", "1"


def paint(text: str, colour: str, out: TextIO | None = None) -> str:
    """The text in a colour, where colours are wanted."""
    stream = out or sys.stdout
    return f"\033[{colour}m{text}\033[0m" if terminal.colours(stream) else text


def status_colour(status: str) -> str:
    """Green is right, yellow did not run, what was not begun is grey, everything else is red."""
    return {"passed": GREEN, "not_run": YELLOW, "not begun": DIM}.get(status, RED)


def _indented(text: str, by: str = "      ") -> str:
    lines = [piece for line in text.splitlines() for piece in (textwrap.wrap(
        line, 110, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) or [""])]
    return "\n".join(by + line for line in lines)


def _why(check: Record) -> str:
    """The check's own words if it has any; the general sentence alone otherwise."""
    if check["status"] == "wrong" and check["detail"]:
        return check["detail"]
    return "\n".join(part for part in (check["message"], check["detail"]) if part)


def result(exercise: Record, answer: str) -> str:
    """One exercise's result for the learner at work."""
    lines = [f"{paint(exercise['id'], BOLD)}  {exercise['title']}  {paint('(' + answer + ')', DIM)}"]
    same = {(check["status"], _why(check)) for check in exercise["checks"]}
    if len(same) == 1 and exercise["status"] not in ("passed", "wrong") and len(exercise["checks"]) > 1:
        lines += [f"  {paint(exercise['status'], status_colour(exercise['status']))}", _indented(_why(exercise["checks"][0]), "    ")]
    else:
        lines += [line for check in exercise["checks"] for line in _check_lines(check)]
    if exercise["warnings"] and exercise["status"] != "passed":
        lines += ["  The compiler also warns:", _indented(exercise["warnings"], "    ")]
    lines.append(f"  {exercise['score']} of {exercise['max']} points")
    return "\n".join(lines)


def _check_lines(check: Record) -> list[str]:
    mark = paint("+" if check["status"] == "passed" else "-", status_colour(check["status"]))
    status = "" if check["status"] in ("passed", "wrong") else paint(f"  [{check['status']}]", status_colour(check["status"]))
    head = f"  {mark} {check['name']}  {paint(str(check['score']) + '/' + str(check['max']), DIM)}{status}"
    return [head] if check["status"] == "passed" else [head, _indented(_why(check))]


def _is_begun(exercise: Record) -> bool:
    return any(check["message"] != NOT_BEGUN for check in exercise["checks"])


def _state(exercise: Record) -> str:
    """The status, in the words of somebody who has not come there yet."""
    return exercise["status"] if _is_begun(exercise) else "not begun"


def table(record: Record) -> str:
    """The table of a grading run; under it, why each that was tried failed, and how to go on."""
    rows = [(e["id"], e["kind"], _state(e), f"{e['score']}/{e['max']}") for e in record["exercises"]]
    width = max([len(row[0]) for row in rows] + [8])
    lines = [paint(f"{'exercise':<{width}}  {'kind':<7}  {'status':<18}  {'points':>7}", BOLD)]
    for name, kind, status, points in rows:
        lines.append(f"{name:<{width}}  {kind:<7}  {paint(f'{status:<18}', status_colour(status))}  {points:>7}")
    lines.append(f"{'total':<{width}}  {'':<7}  {'':<18}  {str(number(record['score'])) + '/' + str(number(record['max'])):>7}")
    tried = [e for e in record["exercises"] if e["status"] != "passed" and e["answer_sha256"]]
    lines += ["\n" + result(e, f"work/{e['id']}/answer.cpp") for e in tried]
    fresh = [e["id"] for e in record["exercises"] if not _is_begun(e)]
    return "\n".join(lines + ([f"\nTo begin with {fresh[0]}: make exercise EX={fresh[0]}"] if fresh else []))
