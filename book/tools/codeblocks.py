"""Code on the page: lines with true numbers that no copy takes along, and names that lead to the reference."""
from __future__ import annotations

import html
import re

from reference import Reference

_FRAGMENT = re.compile(r'<div class="fragment">(.*?)</div><!-- fragment -->', re.S)
_LINE = re.compile(r'<div class="line">(.*?)</div>(?=\s*(?:<div class="line">|<div class="ttc"|$))', re.S)
_ANCHOR = re.compile(r'^<a id="(l\d+)" name="\1"></a>')
_LINENO = re.compile(r'<span class="lineno">\s*(?:<a[^>]*>)?\s*(\d+)(?:</a>)?</span>')
_TAG = re.compile(r"(<[^>]+>)")
_NAME = re.compile(r"(?<![\w.])(?<!-&gt;)(?:::)?[A-Za-z_]\w*(?:::~?[A-Za-z_]\w*)*")
_OPAQUE = re.compile(r'<span class="(?:comment|stringliteral|charliteral|preprocessor|vhdl\w*)"')
_MORE_KEYWORDS = {"noexcept", "override", "final", "requires", "concept", "constexpr", "consteval", "constinit", "co_await",
                  "co_return", "co_yield", "nullptr", "decltype", "auto", "using", "static_assert", "true", "false"}


def lines_of(fragment: str) -> list[str]:
    """The HTML of each line of one of Doxygen's code blocks, its number and anchor taken off."""
    return [_clean(line) for line in _LINE.findall(re.sub(r'<div class="ttc".*', "", fragment, flags=re.S))]


def _clean(line: str) -> str:
    line = _LINENO.sub("", _ANCHOR.sub("", line))
    line = re.sub(r'<span class="[^"]*"></span>', "", line)
    line = re.sub(r'<a class="code[^"]*" (?:name="[^"]*" )?(?:id="[^"]*" )?href="([^"]*)"[^>]*>', r'<a href="\1">', line)
    line = re.sub(r'<a class="line"[^>]*>(.*?)</a>', r"\1", line)
    return re.sub(r' title="[^"]*"', "", line).replace("\u00a0", " ").rstrip()


class Printer:
    """Turns Doxygen's code blocks into the book's. `here` is the page they stand on, whose own names it does not link."""

    def __init__(self, reference: Reference, here: str = "") -> None:
        self.reference, self.here = reference, here

    def page(self, markup: str, first: int | None = None, scope: str = "", anchors: bool = False) -> str:
        """Every code block in `markup`. With `first`, lines are numbered from there."""
        return _FRAGMENT.sub(lambda m: self.block(m[1], first, scope, anchors), markup)

    def block(self, fragment: str, first: int | None, scope: str, anchors: bool) -> str:
        lines = [self.link(line, scope) for line in lines_of(fragment)]
        number = first if first is not None else 1
        if first is None:
            made = [f'<span class="line">{line}</span>' for line in lines]
            return f'<pre class="code"><code>{chr(10).join(made)}</code></pre>'
        width = len(str(number + len(lines) - 1))
        made = [self._numbered(line, number + i, anchors) for i, line in enumerate(lines)]
        return f'<pre class="code numbered" style="--digits:{width}ch"><code>{chr(10).join(made)}</code></pre>'

    def _numbered(self, line: str, number: int, anchors: bool) -> str:
        identity = f' id="l{number:05d}"' if anchors else ""
        return f'<span class="line" data-n="{number}"{identity}>{line}</span>'

    def link(self, line: str, scope: str = "") -> str:
        """Names that Doxygen left alone because it does not know that all of this is in the namespace."""
        out, inside, opaque = [], 0, 0
        parts = _TAG.split(line)
        for at, part in enumerate(parts):
            if part.startswith("<a"):
                inside += 1
            elif part.startswith("</a"):
                inside -= 1
            elif part.startswith("<span"):
                opaque = opaque + 1 if opaque or _OPAQUE.match(part) or 'class="keyword' in part else 0
            elif part.startswith("</span"):
                opaque = max(0, opaque - 1)
            elif not inside and not opaque and part:
                after = re.sub(r"<[^>]+>", "", "".join(parts[at + 1:at + 4]))
                part = _NAME.sub(lambda m: self._name(m, part, after, scope), part)
            out.append(part)
        return "".join(out)

    def _name(self, match: re.Match[str], text: str, after: str, scope: str) -> str:
        word = match[0]
        if word in _MORE_KEYWORDS:
            return f'<span class="keyword">{word}</span>'
        if re.search(r"&\w*$", text[:match.start()]):
            return word
        following = text[match.end():] + after
        return self._linked(word, following, scope) or word

    def _linked(self, word: str, following: str, scope: str) -> str | None:
        calls = following.startswith(("(", "&lt;"))
        for name in self._candidates(word, scope):
            symbol = self.reference.find(name)
            if symbol and (calls or symbol.kind not in ("function", "variable")):
                return self._anchor(symbol.url, word)
        head, colons, tail = word.rpartition("::")
        linked = self._linked(head, colons, scope) if head.strip(":") else None
        return f"{linked}::{tail}" if linked else None

    def _candidates(self, word: str, scope: str) -> list[str]:
        scopes = scope.split("::") if scope else []
        return ["::".join([*scopes[:k], word]) for k in range(len(scopes), 0, -1)] + [word]

    def _anchor(self, url: str, word: str) -> str:
        return word if url.split("#")[0] == self.here and "#" not in url else f'<a href="{html.escape(url)}">{word}</a>'
