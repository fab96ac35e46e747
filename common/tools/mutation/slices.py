"""A test file with only some of its test cases.

A mutant needs one case of a file that has twenty. The other cases are most of what the file costs to compile, so they are
replaced by empty lines. Everything outside of a case stays, and every line keeps its number.

A case begins with its macro at the start of a line and ends with a `}` at the start of a line, as clang-format writes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_CASE = re.compile(r"^(?:[A-Z_]+_)?TEST_CASE(?:_\w+)?\(.*?^\}$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*')
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


def case_names(text: str) -> list[str]:
    """The names of the test cases that can be cut out."""
    return [_name(match.group()) for match in _CASE.finditer(text)]


def only(text: str, cases: Collection[str]) -> str:
    """The text without the other test cases."""
    def kept(match: re.Match[str]) -> str:
        block = match.group()
        return block if _name(block) in cases else "\n" * block.count("\n")

    return _CASE.sub(kept, text)


def _name(block: str) -> str:
    """The name that the program reports: the first string of the macro, whose literals may be several."""
    match = _NAME.search(block)
    return _ESCAPE.sub(r"\1", "".join(_LITERAL.findall(match.group()))) if match else ""
