"""Small rules of good setting, applied to running text only: curly quotes, apostrophes, no lonely dashes."""
from __future__ import annotations

import re

_TAG = re.compile(r"(<[^>]*>)")
_SKIP = {"code", "pre", "kbd", "script", "style", "svg", "samp", "textarea"}
_OPENS = re.compile(r"[\s(\[{\u2013\u2014\u201c\u2018/]$")


def smarten(markup: str) -> str:
    """The same HTML, with typographer's quotes wherever text is prose."""
    depth, before, out = 0, " ", []
    for part in _TAG.split(markup):
        if part.startswith("<"):
            depth = _depth(part, depth)
            if re.match(r"</?(p|li|td|th|h\d|div|dd|dt|br|summary|figcaption)\b", part):
                before = " "
            elif depth and re.match(r"<(code|kbd|samp)", part):
                pass
            elif re.match(r"</(code|kbd|samp)", part):
                before = "x"
            out.append(part)
        elif part:
            out.append(part if depth else _quotes(part, before))
            before = part[-1] if not depth else before
    return "".join(out)


def _depth(tag: str, depth: int) -> int:
    name = re.match(r"</?([\w-]+)", tag)
    if not name or name[1].lower() not in _SKIP or tag.endswith("/>"):
        return depth
    return depth - 1 if tag.startswith("</") else depth + 1


def _quotes(text: str, before: str) -> str:
    text = text.replace("&quot;", '"').replace("&#39;", "'")
    out: list[str] = []
    for char in text:
        if char == '"':
            char = "\u201c" if _OPENS.search(before) else "\u201d"
        elif char == "'":
            char = "\u2018" if _OPENS.search(before) else "\u2019"
        out.append(char)
        before = char
    return "".join(out)
