"""Every link, anchor and image of the finished pages leads somewhere. Where a page's writer made the link, the fault is
told by the line of his page; `data-source` carries it here, and is taken out."""
from __future__ import annotations

import html
import re
import urllib.parse
from pathlib import Path

from config import BookError

_TAG = re.compile(r"<[a-zA-Z][^>]*>")
_TARGET = re.compile(r'\s(?:href|src|data|xlink:href)="([^"]*)"')
_SOURCE = re.compile(r'\sdata-source="([^"]*):(\d+)"')
_ID = re.compile(r'\sid="([^"]+)"')
_NAME = re.compile(r'^<a\s(?:[^>]*\s)?name="([^"]+)"')
_HIDDEN = re.compile(r'<a href="(\w+\.html)#(a[0-9a-f]{30,})">(.*?)</a>')
_OUTSIDE = re.compile(r"^(?:https?|mailto|data):")


def anchors(page: str) -> set[str]:
    return {html.unescape(name) for tag in _TAG.findall(page) for name in _ID.findall(tag) + _NAME.findall(tag)}


def forget_hidden(pages: dict[str, str]) -> dict[str, str]:
    """Doxygen links names in code also to what it does not print, such as a private friend. The name stays, the link goes."""
    known = {name: anchors(text) for name, text in pages.items()}

    def one(match: re.Match[str]) -> str:
        return match[0] if match[2] in known.get(match[1], {match[2]}) else match[3]

    return {name: _HIDDEN.sub(one, text) for name, text in pages.items()}


def check(pages: dict[str, str], folder: Path) -> list[BookError]:
    """What leads nowhere. `folder` holds the files that are no pages: images, styles, scripts."""
    known = {name: anchors(text) for name, text in pages.items()}
    faults = []
    for name, text in pages.items():
        faults += _twice(name, text)
        for tag in _TAG.findall(re.sub(r"<script\b.*?</script>", "", text, flags=re.S)):
            for target in _TARGET.findall(tag):
                message = _fault(html.unescape(target), name, known, folder, tag.startswith("<img"))
                if message:
                    source = _SOURCE.search(tag)
                    file, line = (html.unescape(source[1]), int(source[2])) if source else (name, 1)
                    faults.append(BookError(file, line, message))
    return faults


def _fault(target: str, page: str, known: dict[str, set[str]], folder: Path, image: bool) -> str | None:
    if _OUTSIDE.match(target):
        return None
    path, _, anchor = target.partition("#")
    path = urllib.parse.unquote(path) or page
    if path not in known and not (folder / path).is_file():
        return f"there is no image {target}" if image else f"the link {target} leads to no page"
    if anchor and path in known and anchor not in known[path]:
        near = ", ".join(sorted(a for a in known[path] if not re.match(r"^(a[0-9a-f]{30,}|l\d{5}|mark-|note-|text$|sidebar$)", a))[:40])
        return f"the link {target} leads to no heading of {path}; it has {near or 'none'}"
    return None


def _twice(name: str, text: str) -> list[BookError]:
    found = [i for tag in _TAG.findall(text) for i in re.findall(r'\sid="([^"]+)"', tag)]
    return [BookError(name, 1, f"two things on the page have the id {i}") for i in sorted({i for i in found if found.count(i) > 1})]


def forget_sources(page: str) -> str:
    return re.sub(r'\sdata-source="[^"]*"', "", page)
