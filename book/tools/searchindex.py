"""The text of every section, for the search that runs in the reader's browser. It is a script and not JSON, because a
page opened from disk may load a script but not fetch a file."""
from __future__ import annotations

import html
import json
import re

from reference import Reference

_HEADING = re.compile(r'<h([1234])(?: class="[^"]*")?(?: id="([^"]+)")?[^>]*>(.*?)</h\1>', re.S)
_DROP = re.compile(r'<(script|style|svg|nav|button)\b.*?</\1>|<a class="headlink".*?</a>|<a class="footnote-back".*?</a>', re.S)


def text_of(markup: str) -> str:
    markup = re.sub(r"</(p|li|td|th|div|dd|dt|h\d|figcaption|pre)>|<br\s*/?>", " ", _DROP.sub(" ", markup))
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", markup))).strip()


def sections(name: str, title: str, content: str) -> list[list[str]]:
    """[address, page title, section title, text] for the part before the first heading and for each heading."""
    found, at, anchor, section = [], 0, "", ""
    for match in [*_HEADING.finditer(content), None]:
        text = text_of(content[at:match.start() if match else len(content)])
        if text or section:
            found.append([name + (f"#{anchor}" if anchor else ""), title, section, text])
        if match:
            at, anchor, section = match.end(), match[2] or "", text_of(match[3])
    return found


def symbols(reference: Reference) -> list[list[str]]:
    """Names of the reference: [address, name, kind and header, first sentence]."""
    seen, rows = set(), []
    for symbol in reference.symbols:
        if symbol.url in seen or symbol.name.startswith("~"):
            continue
        seen.add(symbol.url)
        rows.append([symbol.url, symbol.name, f"{symbol.kind} in {symbol.header}", text_of(symbol.brief)])
    return rows


def script(pages: list[list[str]], names: list[list[str]]) -> str:
    data = json.dumps({"sections": pages, "symbols": names}, ensure_ascii=False, separators=(",", ":"))
    return "window.treadleSearch = " + data.replace("</", "<\\/").replace("\u2028", " ") + ";\n"
