"""The frame around every page: head, sidebar, breadcrumbs, previous and next, colophon."""
from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path

from config import Config, Entry
from reference import Reference
from treadle_tools import git


@dataclass
class Heading:
    level: int
    anchor: str
    markup: str


@dataclass
class Sheet:
    """A page as it will stand in the book."""

    name: str  # ch01.html
    title: str  # as plain text, for the browser's tab
    heading: str  # HTML
    content: str
    kind: str  # chapter, reference, source, diff
    headings: list[Heading] = field(default_factory=list)
    kicker: str = ""  # the line above the title: Chapter 1
    previous: tuple[str, str] | None = None
    next: tuple[str, str] | None = None
    up: tuple[str, str] | None = None


class Frame:
    def __init__(self, config: Config, theme: Path, reference: Reference) -> None:
        self.template = (theme / "page.html").read_text(encoding="utf-8")
        self.order, self.reference = config.order(), reference
        self.edition = _edition(config.root)

    def page(self, sheet: Sheet) -> str:
        parts = {
            "title": html.escape(sheet.title), "kind": sheet.kind, "heading": self._heading(sheet),
            "content": sheet.content, "sidebar": self._sidebar(sheet), "contents": self._contents(sheet),
            "pager": self._pager(sheet), "links": self._head_links(sheet), "edition": self.edition,
        }
        return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m[1]], self.template)

    def _heading(self, sheet: Sheet) -> str:
        kicker = f'<p class="kicker">{sheet.kicker}</p>' if sheet.kicker else ""
        up = f'<p class="kicker"><a href="{sheet.up[0]}">{html.escape(sheet.up[1])}</a></p>' if sheet.up else kicker
        return f"<header class=\"title-block\">{up}<h1>{sheet.heading}</h1></header>"

    def _head_links(self, sheet: Sheet) -> str:
        made = [f'<link rel="{rel}" href="{target[0]}">' for rel, target in (("prev", sheet.previous), ("next", sheet.next)) if target]
        return "\n".join(made)

    def _pager(self, sheet: Sheet) -> str:
        if not sheet.previous and not sheet.next:
            return ""
        made = ""
        for rel, word, target in (("prev", "Previous", sheet.previous), ("next", "Next", sheet.next)):
            made += f'<a class="{rel}" rel="{rel}" href="{target[0]}"><small>{word}</small><span>{_label(target[1])}</span></a>' if target else "<span></span>"
        return f'<nav class="pager" aria-label="Previous and next page">{made}</nav>'

    def _contents(self, sheet: Sheet) -> str:
        """The list of sections at the top of a page, for windows too narrow for the sidebar."""
        rows = [h for h in sheet.headings if h.level == 2]
        if len(rows) < 2:
            return ""
        items = "".join(f'<li><a href="#{h.anchor}">{h.markup}</a></li>' for h in rows)
        return f'<details class="contents"><summary>On this page</summary><ol>{items}</ol></details>'

    # -- sidebar ---------------------------------------------------------------------------------------------------

    def _sidebar(self, sheet: Sheet) -> str:
        groups: list[str] = []
        items: list[str] = []
        for entry in self.order:
            if entry.file:
                items.append(self._item(entry, sheet))
                continue
            groups.append(_list(items))
            groups.append(f'<p class="group">{html.escape(entry.title)}</p>')
            items = []
        groups.append(_list(items))
        return "".join(groups) + self._reference(sheet)

    def _item(self, entry: Entry, sheet: Sheet) -> str:
        address = f"{entry.page_id}.html"
        here = address == sheet.name
        mark = ' aria-current="page"' if here else ""
        sections = ""
        if here:
            rows = [h for h in sheet.headings if h.level == 2]
            sections = "".join(f'<li><a href="#{h.anchor}">{h.markup}</a></li>' for h in rows)
            sections = f'<ol class="sections">{sections}</ol>' if sections else ""
        return f'<li><a href="{address}"{mark}>{_label(entry.title)}</a>{sections}</li>'

    def _reference(self, sheet: Sheet) -> str:
        if not self.reference.headers:
            return ""
        is_open = " open" if sheet.kind in ("reference", "source") else ""
        overview = self._link("reference.html", "Overview", sheet)
        classes = "".join(self._link(s.url, s.name, sheet, code=True) for s in self.reference.compounds())
        functions = "".join(self._link(s.url, s.name + "()", sheet, code=True) for s in self.reference.functions())
        headers = "".join(self._link(h.url, Path(h.name).name, sheet, code=True) for h in self.reference.headers)
        lists = [("Classes", classes), ("Functions", functions), ("Headers", headers)]
        made = "".join(f'<li><details{self._open(rows, sheet)}><summary>{name}</summary><ol>{rows}</ol></details></li>' for name, rows in lists if rows)
        return f'<details class="reference"{is_open}><summary>Reference</summary><ol>{overview}{made}</ol></details>'

    def _open(self, rows: str, sheet: Sheet) -> str:
        return " open" if f'href="{sheet.name}" aria-current' in rows else ""

    def _link(self, address: str, text: str, sheet: Sheet, code: bool = False) -> str:
        mark = ' aria-current="page"' if address == sheet.name else ""
        shown = f"<code>{html.escape(text, quote=False)}</code>" if code else html.escape(text, quote=False)
        return f'<li><a href="{address}"{mark}>{shown}</a></li>'


def _list(items: list[str]) -> str:
    return f'<ol class="pages">{"".join(items)}</ol>' if items else ""


def _label(title: str) -> str:
    """`1 The event loop` has its number in a column of its own."""
    number = re.match(r"^(\d+|[A-Z])\s+(?=\w)(.*)$", title)
    if number and not re.match(r"^A\s+[a-z]", title):
        return f'<span class="number">{number[1]}</span> {html.escape(number[2], quote=False)}'
    return html.escape(title, quote=False)


def _edition(root: Path) -> str:
    """Which state of the tree this is, if it has a repository."""
    line = (git.ask(root, "log", "-1", "--format=%h %cd", "--date=format:%e %B %Y") or b"").decode().strip()
    if not line:
        return ""
    commit, _, date = line.partition(" ")
    return f"Edition of {date.strip()}, <code>{commit}</code>"
