"""Carry text through Doxygen unharmed.

Doxygen reads a meaning into much of what a book on C++ must print: it drops the colons of `::name` and
the percent sign of `%d`, makes a dash of `--`, and takes `@x` for a command. So the filter moves every such
character to Unicode's private use area, which Doxygen passes on as it is, and the post step moves it back. The
same area carries small pieces of HTML that must stand in the middle of a sentence.
"""
from __future__ import annotations

import html
import re

_BASE = 0xE000
_OPEN, _CLOSE = "\uE100", "\uE101"
_PUNCTUATION = {c: chr(_BASE + ord(c)) for c in map(chr, range(0x21, 0x7F)) if not c.isalnum()}
_HIDE = str.maketrans(_PUNCTUATION)
_SHOW = {ord(v): html.escape(k, quote=False) for k, v in _PUNCTUATION.items()}
_PLAIN = {ord(v): k for k, v in _PUNCTUATION.items()}
_TOKEN = re.compile(f"{_OPEN}(.*?){_CLOSE}", re.S)


def hide(text: str) -> str:
    """Text that Doxygen will copy and not interpret."""
    return text.translate(_HIDE)


def raw_html(markup: str) -> str:
    """HTML to be put in the middle of a sentence, exactly there."""
    return _OPEN + markup.encode().hex() + _CLOSE


def show(page: str) -> str:
    """Undo both in a page of HTML that Doxygen wrote."""
    page = _TOKEN.sub(lambda m: bytes.fromhex(m[1]).decode(), page)
    return page.translate(_SHOW)


def plain(text: str) -> str:
    """Undo `hide` where the result is plain text and not HTML."""
    return text.translate(_PLAIN)
