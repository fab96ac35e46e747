"""What a page of the book asks to be shown, and what it explains in words.

The same requests serve two readers: the book's filter, which puts the code into the page, and `check_stages`, which
proves that every changed line is explained. So they are parsed in one place.

    @listing{01 include/treadle/coro.hpp Coro::Awaiter}
    @listing{01 src/event_loop.cpp EventLoop::run_turn from "text of a line" to "text of a line"}
    @listing{01 include/treadle/coro.hpp @head}            also @file, @includes
    @listing{tests test_task.cpp "Task: a law"}

    ## Also changed
    - `include/treadle/task.hpp` `Task::done`: the reason
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from . import stages as stages_module
from . import symbols

_LISTING = re.compile(r"^[ \t]*@listing\{(.*)\}[ \t]*$")
_LOOKS_LIKE_LISTING = re.compile(r"^[ \t]*@listing\b")
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_REQUEST = re.compile(
    rf"(?P<stage>\S+)\s+(?P<file>\S+)\s+(?P<symbol>\"[^\"]*\"|.+?)"
    rf"(?:\s+from\s+(?P<from>{_QUOTED}))?(?:\s+to\s+(?P<to>{_QUOTED}))?\s*$"
)
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_ALSO_HEADING = re.compile(r"^##\s+Also changed\s*(?:\{#[\w-]+\})?\s*$", re.IGNORECASE)
_HEADING = re.compile(r"^##?\s")
_ITEM = re.compile(r"^[-*]\s+(?:`(?P<file>[^`]+)`|(?P<file2>\S+))\s+(?:`(?P<symbol>[^`]+)`|(?P<symbol2>.+?)):(?:\s+|$)(?P<reason>.*)$")


class ListingError(ValueError):
    """A request that cannot be understood or found; the message begins with page and line."""


@dataclass(frozen=True)
class Request:
    page: Path
    line: int
    stage: str  # "01", or "tests"
    file: str  # include/treadle/coro.hpp
    symbol: str  # Coro::Awaiter, @head, "Task: a law" (with its quotes)
    from_text: str | None = None
    to_text: str | None = None

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    def path(self, root: Path = stages_module.ROOT) -> Path:
        """The file that holds the code."""
        try:
            folder = root / "tests" if self.stage == "tests" else stages_module.find(self.stage, root).path
        except stages_module.UnknownStage as error:
            raise ListingError(f"{self.where}: {error}") from None
        path = folder / self.file
        if not path.is_file():
            raise ListingError(f"{self.where}: {folder.name} has no file {self.file}")
        return path

    def cut(self, root: Path = stages_module.ROOT) -> symbols.Cut:
        """The code; ListingError if it is not there, or there twice."""
        try:
            return symbols.cut(self.path(root), self.symbol, self.from_text, self.to_text)
        except symbols.SymbolError as error:
            raise ListingError(f"{self.where}: {str(error).replace(str(root) + '/', '')}") from None


@dataclass(frozen=True)
class AlsoChanged:
    page: Path
    line: int
    file: str
    symbol: str
    reason: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"


def parse(text: str, page: Path = Path("page"), line: int = 1) -> Request:
    """One request, from `@listing{...}`."""
    where = f"{page}:{line}"
    outer = _LISTING.match(text)
    inner = _REQUEST.match(outer[1].strip()) if outer else None
    if not inner:
        raise ListingError(
            f"{where}: cannot read {text.strip()!r}; the form is "
            '@listing{STAGE FILE SYMBOL from "text of a line" to "text of a line"}, from and to optional'
        )
    return Request(
        page, line, inner["stage"], inner["file"], inner["symbol"], _unquoted(inner["from"]), _unquoted(inner["to"])
    )


def _unquoted(quoted: str | None) -> str | None:
    return None if quoted is None else re.sub(r'\\(["\\])', r"\1", quoted[1:-1])


def _prose(page: Path) -> list[tuple[int, str]]:
    """The numbered lines of a page that are not inside a fenced block."""
    fence = ""
    kept = []
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        match = _FENCE.match(line)
        if match and not fence:
            fence = match[1]
        elif match and match[1].startswith(fence):
            fence = ""
        elif not fence:
            kept.append((number, line))
    return kept


def requests(page: Path) -> list[Request]:
    """Every listing that the page asks for, in reading order."""
    return [parse(line, page, number) for number, line in _prose(page) if _LOOKS_LIKE_LISTING.match(line)]


def also_changed(page: Path) -> list[AlsoChanged]:
    """The items of the page's section "Also changed"."""
    items: list[AlsoChanged] = []
    inside = False
    for number, line in _prose(page):
        if _HEADING.match(line):
            inside = bool(_ALSO_HEADING.match(line))
        elif inside and line.startswith(("- ", "* ")):
            items.append(_item(page, number, line))
    return items


def _item(page: Path, number: int, line: str) -> AlsoChanged:
    match = _ITEM.match(line)
    if not match:
        raise ListingError(
            f"{page}:{number}: cannot read {line.strip()!r}; the form is - `FILE` `SYMBOL`: the reason"
        )
    file, symbol = match["file"] or match["file2"], match["symbol"] or match["symbol2"]
    return AlsoChanged(page, number, file, symbol.strip(), match["reason"].strip())


def page_of(number: str, root: Path = stages_module.ROOT) -> Path | None:
    """The page of a chapter: the one whose title carries {#chNN}; None if it is not written yet."""
    folder = root / "book" / "pages"
    named = folder / f"ch{number}.md"
    if named.is_file():
        return named
    title = re.compile(rf"^#\s.*\{{#ch{number}\}}\s*$", re.MULTILINE)
    for page in sorted(folder.glob("*.md")):
        if title.search(page.read_text(encoding="utf-8")):
            return page
    return None
