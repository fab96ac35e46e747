"""Make Doxygen read the opening comment of a header.

A header opens with an essay in plain `//` lines: what it is, the idea, the invariants, thread safety, cost. That is
the best page of documentation it has, so it becomes the page of the file in the reference. The count of lines
stays what it was, for the reference's line numbers.
"""
from __future__ import annotations

import re

from encode import raw_html
from inline import Inline

_HEAD = re.compile(r"^//\s*(?P<file>[\w.]+):\s*(?P<brief>.*)$")
_LABEL = re.compile(r"^(Invariants|Thread safety|Cost|Source|Sources|REQUIRES)\b:?\s*(.*)$")


def document(text: str, file: str) -> str:
    """The header as Doxygen shall see it."""
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines) if not line.startswith("//")), len(lines))
    inline = Inline(file)
    head = _head(lines[:end], inline)
    rest = [_doc_line(line, inline) for line in lines[end:]]
    return "\n".join(head + rest)


def _head(lines: list[str], inline: Inline) -> list[str]:
    opening = _HEAD.match(lines[0]) if lines else None
    if not opening:
        return lines
    brief = opening["brief"][:1].upper() + opening["brief"][1:]
    first = f"/// @file {opening['file']} @brief {inline.rewrite(brief, 1)}"
    return [first, *(_essay_line(line[2:], inline) for line in lines[1:])]


def _essay_line(text: str, inline: Inline) -> str:
    label = _LABEL.match(text.strip()) if not text.startswith("   ") else None
    if label:
        new_paragraph = raw_html("</p><p>")
        return f"/// {new_paragraph} **{label[1]}.** {inline.rewrite(label[2], 1)}"
    return "///" + inline.rewrite(text, 1)


def _doc_line(line: str, inline: Inline) -> str:
    code, mark, comment = line.partition("///")
    if not mark or code.count('"') % 2:
        return line
    sign = "<" if comment.startswith("<") else ""
    return code + mark + sign + inline.rewrite(comment[len(sign):], 1)
