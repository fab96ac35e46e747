"""The little C++ that the tools must understand by themselves: what is code, what is comment, what is text.

Masking keeps every character in its place, so a position in masked text is a position in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"""
      (?P<raw>(?:u8|[uUL])?R"(?P<fence>[^()\\\s]{0,16})\(.*?\)(?P=fence)")
    | (?P<comment>//[^\n]*|/\*.*?\*/)
    | (?P<directive>^[ \t]*\#(?:(?!//|/\*)[^\n\\]|\\.)*)
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<number>\b\d(?:'?[\w.])*)
    | (?P<char>'(?:[^'\\\n]|\\.)+')
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_NOT_NEWLINE = re.compile(r"[^\n]")


@dataclass(frozen=True)
class Comment:
    line: int
    text: str


def _blank(text: str) -> str:
    return _NOT_NEWLINE.sub(" ", text)


def _masked(match: re.Match[str]) -> str:
    text = match[0]
    if match["number"]:
        return text
    if match["comment"]:
        return _blank(text)
    if match["directive"]:
        return _blank(text).replace(" ", "#", 1)
    return '"' + _blank(text[1:-1]) + '"'


@lru_cache(maxsize=4096)
def mask(text: str) -> str:
    """The code alone: comments become spaces, text in quotes is emptied, a directive is one `#`."""
    return _TOKEN.sub(_masked, text)


def comments(text: str) -> list[Comment]:
    """Every comment, one entry a line."""
    found = []
    for match in _TOKEN.finditer(text):
        if match["comment"]:
            first = text.count("\n", 0, match.start()) + 1
            found += [Comment(first + i, line) for i, line in enumerate(match[0].split("\n"))]
    return found


@dataclass(frozen=True)
class LineKinds:
    code: frozenset[int]  # line numbers, from 1
    comment: frozenset[int]  # lines that hold a comment and no code


@lru_cache(maxsize=4096)
def line_kinds(text: str) -> LineKinds:
    code, comment = set(), set()
    for number, (raw, masked) in enumerate(zip(text.split("\n"), mask(text).split("\n")), 1):
        if masked.strip():
            code.add(number)
        elif raw.strip():
            comment.add(number)
    return LineKinds(frozenset(code), frozenset(comment))


def closing(masked: str, opening: int) -> int:
    """Position of the bracket that closes the one at `opening`; the end of the text if none does."""
    depth = 0
    for position in range(opening, len(masked)):
        if masked[position] in "({[":
            depth += 1
        elif masked[position] in ")}]":
            depth -= 1
            if depth == 0:
                return position
    return len(masked) - 1


def opening(masked: str, closing_at: int) -> int:
    """Position of the bracket that the one at `closing_at` closes; 0 if none."""
    depth = 0
    for position in range(closing_at, -1, -1):
        if masked[position] in ")}]":
            depth += 1
        elif masked[position] in "({[":
            depth -= 1
            if depth == 0:
                return position
    return 0
