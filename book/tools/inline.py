"""What may stand inside a sentence: code, links, footnote marks, and characters Doxygen would misread."""
from __future__ import annotations

import html
import re

from encode import hide, plain, raw_html

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
_STRONG = re.compile(r"\*\*(?=[^\s*])(.+?)(?<=[^\s*])\*\*", re.S)  # Doxygen does not see one that begins or ends with code
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=\S)\*(?![\w*])", re.S)
_FOOTNOTE = re.compile(r"\[\^([\w-]+)\]")
_HAZARD = re.compile(r"%|(?<!\w)#(?!\s)|::|\\|@(?!ref\b)|(?<=\s)--?(?=\w)|<|~")
_TAG = re.compile(r"</?(?:kbd|sub|sup|br|em|b|i|small|abbr|var|cite|q|mark)(?:\s[^<>]*)?/?>")  # Doxygen makes <code> of some of these


def _code(match: re.Match[str]) -> str:
    body = match[2]
    if len(match[1]) > 1 or body.startswith("`"):
        body = body.strip(" ")
    return "`" + hide(body.replace("\\|", "|")) + "`"


def _code_html(match: re.Match[str]) -> str:
    return raw_html(f"<code>{html.escape(match[2], quote=False)}</code>")


def target_of(link: str) -> str:
    """The address of a page in the built book: `ch02.md#frame` is `ch02.html#frame`."""
    page, hash_, anchor = link.partition("#")
    if page.endswith(".md"):
        page = page[:-3] + ".html"
    return page + hash_ + anchor


class Inline:
    """Rewrites the sentences of one page. `where` is `file:line` and rides along to name a broken link's place."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.footnotes_used: list[tuple[str, int]] = []

    def rewrite(self, text: str, line: int, heading: bool = False) -> str:
        """One paragraph (it may hold several lines, the first of which is `line`). In a heading Doxygen prints
        the tags of code instead of using them, so there the code is HTML from the start."""
        text = _CODE.sub(_code_html if heading else _code, text)
        text = _STRONG.sub(lambda m: raw_html("<strong>") + m[1] + raw_html("</strong>"), text)
        text = _EMPHASIS.sub(lambda m: raw_html("<em>") + m[1] + raw_html("</em>"), text)
        text = _LINK.sub(lambda m: self._link(m, text, line), text)
        text = _FOOTNOTE.sub(lambda m: self._footnote(m, text, line), text)
        text = _TAG.sub(lambda m: raw_html(m[0]), text)
        return _HAZARD.sub(lambda m: hide(m[0]), text)

    def _at(self, match: re.Match[str], text: str, line: int) -> int:
        return line + text.count("\n", 0, match.start())

    def _link(self, match: re.Match[str], text: str, line: int) -> str:
        bang, label, link = match.groups()
        source = f'data-source="{html.escape(self.file)}:{self._at(match, text, line)}"'
        where = html.escape(target_of(link))
        if bang:
            alt = html.escape(label)
            return raw_html(f'<img src="{where}" alt="{alt}" {source}>')
        if link.startswith("@ref"):
            return match[0]
        return raw_html(f'<a href="{where}" {source}>{plain_html(plain(label))}</a>')

    def _footnote(self, match: re.Match[str], text: str, line: int) -> str:
        name = match[1]
        self.footnotes_used.append((name, self._at(match, text, line)))
        number = list(dict.fromkeys(n for n, _ in self.footnotes_used)).index(name) + 1
        return raw_html(f'<sup class="footnote-mark"><a id="mark-{name}" href="#note-{name}">{number}</a></sup>')


def plain_html(text: str) -> str:
    """A caption or a summary: only code and emphasis, made into HTML here and not by Doxygen."""
    parts = re.split(r"(`[^`]+`)", text)
    done = [f"<code>{html.escape(p[1:-1], quote=False)}</code>" if p.startswith("`") and p.endswith("`") and len(p) > 2
            else re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", re.sub(r"(?<!\*)\*([^*]+)\*(?!\*)", r"<em>\1</em>", html.escape(p, quote=False)))
            for p in parts]
    return "".join(done)


def slug(text: str) -> str:
    """The anchor of a heading: its words, in lower case, with hyphens."""
    text = re.sub(r"[`*_]", "", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-") or "section"
