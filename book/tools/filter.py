#!/usr/bin/env python3
"""Doxygen's input filter: a page as its writer wrote it, made into what Doxygen can print.

Requests (@listing, @transcript, @figure, @diff, @growth) become what they ask for; alerts, footnotes, definition
lists and <details> become HTML with Markdown inside; links, code and odd characters are carried past
Doxygen (see encode.py). What cannot be found is an error with file and line on standard error, and the
build fails on it: Doxygen itself does not look at a filter's exit code.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config import BookError, Config, from_environment
from encode import hide
from inline import Inline, plain_html, slug

if not sys.argv[-1].endswith(".hpp"):
    import blocks  # what listings need is slow to load, and headers have none

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*\{?\.?([\w+-]*)\}?\s*$")
_ALERT = re.compile(r"^>\s*\[!(\w+)\]\s*(.*)$")
_REQUEST = re.compile(r"^@(listing|transcript|figure|diff|growth)\b(?:\{(.*)\})?\s*$")
_DETAILS = re.compile(r"^\s*(</?details[^>]*>)?\s*(?:<summary>(.*?)</summary>)?\s*(</details>)?\s*$")
_NOTE = re.compile(r"^\[\^([\w-]+)\]:\s*(.*)$")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*(?:\{#([\w-]+)\})?\s*$")
_DEFINITION = re.compile(r"^:\s+(.*)$")
_LABELS = {"NOTE": "Note", "TIP": "Tip", "WARNING": "Warning", "IMPORTANT": "Important", "CAUTION": "Caution",
           "PREDICT": "Predict before you run", "GOALS": "What you will be able to do"}


@dataclass(frozen=True)
class Line:
    """A line for Doxygen, and the line of the page that it stands for."""

    origin: int
    text: str


class Page:
    """One page on its way through the filter."""

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config
        self.file = config.show(path)
        self.lines = path.read_text(encoding="utf-8").split("\n")
        self.page_id = self._page_id()
        self.inline = Inline(self.file)
        self.notes: dict[str, tuple[int, str]] = {}
        self.slugs: dict[str, int] = {}
        self.errors: list[BookError] = []

    def _page_id(self) -> str:
        first = _HEADING.match(self.lines[0])
        return (first[3] if first and first[3] else self.path.stem)

    def convert(self) -> list[Line]:
        """The whole page. Faults are gathered in `errors`, so that one build shows them all."""
        if not _HEADING.match(self.lines[0]) or not self.lines[0].startswith("# "):
            self.errors.append(BookError(self.file, 1, "a page begins with its title: # Title {#page-id}"))
        body = list(self._blocks([Line(i, t) for i, t in enumerate(self.lines, 1)]))
        body += self._footnotes(len(self.lines))
        return body

    # -- blocks ------------------------------------------------------------------------------------------------

    def _blocks(self, lines: list[Line]) -> Iterator[Line]:
        at = 0
        while at < len(lines):
            step = self._fence(lines, at) or self._alert(lines, at) or self._special(lines, at) \
                or self._note(lines, at) or self._definitions(lines, at) or self._prose(lines, at)
            at, made = step
            yield from made

    def _fence(self, lines: list[Line], at: int) -> tuple[int, list[Line]] | None:
        opening = _FENCE.match(lines[at].text)
        if not opening:
            return None
        indent, mark, language = opening.groups()
        end = at + 1
        while end < len(lines) and lines[end].text.strip() != mark:
            end += 1
        if end == len(lines):
            self._fault(lines[at].origin, f"the block that {mark} opens here is never closed")
        body = [line.text.removeprefix(indent) for line in lines[at + 1:end]]
        made = blocks.fence(language, body, indent)
        return end + 1, _at(lines[at].origin, made)

    def _alert(self, lines: list[Line], at: int) -> tuple[int, list[Line]] | None:
        opening = _ALERT.match(lines[at].text)
        if not opening:
            return None
        kind, title = opening[1].upper(), opening[2]
        if kind not in _LABELS:
            self._fault(lines[at].origin, f"no alert [!{opening[1]}]; there are {', '.join(_LABELS)}")
            kind = "NOTE"
        end = at + 1
        while end < len(lines) and lines[end].text.startswith(">"):
            end += 1
        inner = [Line(line.origin, re.sub(r"^>\s?", "", line.text)) for line in lines[at + 1:end]]
        label = plain_html(title or _LABELS[kind])
        made = _at(lines[at].origin, blocks.html(f'<aside class="alert alert-{kind.lower()}"><p class="alert-title">{label}</p>'))
        made += list(self._blocks(inner))
        return end, made + _at(lines[end - 1].origin, blocks.html("</aside>"))

    def _special(self, lines: list[Line], at: int) -> tuple[int, list[Line]] | None:
        line = lines[at]
        request = _REQUEST.match(line.text)
        if request:
            return at + 1, _at(line.origin, self._request(request[1], request[2] or "", line))
        details = _DETAILS.match(line.text)
        if details and any(details.groups()):
            opening, summary, closing = details.groups()
            markup = (opening or "") + (f"<summary>{plain_html(summary)}</summary>" if summary else "") + (closing or "")
            return at + 1, _at(line.origin, blocks.html(markup))
        if re.match(r"^\s*@(listing|transcript|figure|diff|growth)\b", line.text):
            self._fault(line.origin, f"cannot read {line.text.strip()!r}: a request stands alone, at the start of its line, "
                                     "as @listing{…}, @transcript{NAME}, @figure{NAME|caption}, @diff{02} or @growth")
            return at + 1, []
        return None

    def _request(self, kind: str, argument: str, line: Line) -> list[str]:
        try:
            return blocks.request(kind, argument, line.text, self.path, line.origin, self.config)
        except (ValueError, OSError) as error:
            message = re.sub(rf"^\S*{re.escape(self.path.name)}:\d+:\s*", "", str(error))
            self._fault(line.origin, message)
            return []

    def _note(self, lines: list[Line], at: int) -> tuple[int, list[Line]] | None:
        opening = _NOTE.match(lines[at].text)
        if not opening:
            return None
        end, text = at + 1, [opening[2]]
        while end < len(lines) and lines[end].text.startswith("    "):
            text.append(lines[end].text.strip())
            end += 1
        if opening[1] in self.notes:
            self._fault(lines[at].origin, f"footnote [^{opening[1]}] is written twice")
        self.notes[opening[1]] = (lines[at].origin, "\n".join(text))
        return end, []

    def _definitions(self, lines: list[Line], at: int) -> tuple[int, list[Line]] | None:
        """`Term`, and under it `: what it means` with its further lines indented."""
        if at + 1 >= len(lines) or not lines[at].text.strip() or not _DEFINITION.match(lines[at + 1].text):
            return None
        term = lines[at].text.strip()
        end, meaning = at + 1, []
        while end < len(lines) and (match := _DEFINITION.match(lines[end].text) or re.match(r"^\s{2,}(\S.*)$", lines[end].text)):
            meaning.append(Line(lines[end].origin, match[1]))
            end += 1
        anchor = "term-" + slug(term)
        made = _at(lines[at].origin, blocks.html(f'<dl class="terms"><dt id="{anchor}">{plain_html(term)}</dt><dd>'))
        made += list(self._blocks(meaning))
        return end, made + _at(lines[end - 1].origin, blocks.html("</dd></dl>"))

    def _prose(self, lines: list[Line], at: int) -> tuple[int, list[Line]]:
        """Lines up to the next blank one or the next block, rewritten together: code may run over a line's end."""
        heading = _HEADING.match(lines[at].text)
        if heading:
            return at + 1, [Line(lines[at].origin, self._heading(heading, lines[at].origin))]
        end = at + 1
        while end < len(lines) and lines[at].text.strip() and lines[end].text.strip() and not self._begins_block(lines, end):
            end += 1
        text = self.inline.rewrite("\n".join(line.text for line in lines[at:end]), lines[at].origin)
        return end, [Line(line.origin, t) for line, t in zip(lines[at:end], text.split("\n"))]

    def _begins_block(self, lines: list[Line], at: int) -> bool:
        text = lines[at].text
        return bool(_FENCE.match(text) or _ALERT.match(text) or _REQUEST.match(text) or _NOTE.match(text)
                    or _HEADING.match(text) or re.match(r"^\s*</?(details|summary)\b", text)
                    or (at + 1 < len(lines) and _DEFINITION.match(lines[at + 1].text)))

    def _heading(self, match: re.Match[str], line: int) -> str:
        marks, title, given = match.groups()
        if len(marks) == 1:
            return f"# {self._title(title)} {{#{'mainpage' if self.page_id == 'index' else self.page_id}}}"
        name = (given or slug(title)).removeprefix(self.page_id + "-")
        self.slugs[name] = self.slugs.get(name, 0) + 1
        if self.slugs[name] > 1:
            if given:
                self._fault(line, f"the anchor {name} is on this page twice")
            name = f"{name}-{self.slugs[name]}"
        return f"{marks} {self.inline.rewrite(title, line, heading=True)} {{#{self.page_id}-{name}}}"

    def _title(self, title: str) -> str:
        return hide(title)

    def _footnotes(self, last: int) -> list[Line]:
        used = dict(reversed(self.inline.footnotes_used))
        for name, line in used.items():
            if name not in self.notes:
                self._fault(line, f"there is no footnote [^{name}]: at the foot of the page write [^{name}]: text")
        for name, (line, _) in self.notes.items():
            if name not in used:
                self._fault(line, f"nothing refers to footnote [^{name}]")
        order = [n for n in dict.fromkeys(n for n, _ in self.inline.footnotes_used) if n in self.notes]
        if not order:
            return []
        made = _at(last, blocks.html('<section class="footnotes" aria-label="Notes"><ol>'))
        for name in order:
            line, text = self.notes[name]
            made += _at(line, blocks.html(f'<li id="note-{name}">'))
            made += [Line(line, t) for t in self.inline.rewrite(text, line).split("\n")] + [Line(line, "")]
            made += _at(line, blocks.html(f'<a class="footnote-back" href="#mark-{name}" aria-label="Back to the text">↩</a></li>'))
        return made + _at(last, blocks.html("</ol></section>"))

    def _fault(self, line: int, message: str) -> None:
        self.errors.append(BookError(self.file, line, message))


def _at(origin: int, texts: list[str]) -> list[Line]:
    return [Line(origin, text) for text in texts]


def convert(path: Path, config: Config) -> tuple[list[Line], list[BookError]]:
    """A page's lines for Doxygen, and what is wrong with the page."""
    page = Page(path, config)
    lines = page.convert()
    return lines, sorted(page.errors, key=lambda e: e.line)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("filter.py: give one file, a page (.md) or a header (.hpp)", file=sys.stderr)
        return 2
    path, config = Path(arguments[0]), from_environment()
    if path.suffix != ".md":
        import comments  # here, and not above: this runs once for each header, and starting costs more than the work
        sys.stdout.write(comments.document(path.read_text(encoding="utf-8"), config.show(path)))
        return 0
    lines, errors = convert(path, config)
    sys.stdout.write("\n".join(line.text for line in lines) + "\n")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
