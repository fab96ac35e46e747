"""Make the book of what Doxygen printed.

Doxygen gives text, coloured code and the reference. Here the text gets the book's frame: sidebar, sections, previous
and next; listings get captions and numbers; names in code lead to the reference; search gets its index. Then every
link, anchor and image is tried, and the code blocks are counted against what the pages asked for.
"""
from __future__ import annotations

import html
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import encode
import links
import searchindex
from codeblocks import Printer
from config import BookError, Config, Entry
from reference import Reference, Symbol, read
from template import Frame, Heading, Sheet
from typography import smarten

from treadle_tools import listings, stages

THEME = Path(__file__).resolve().parents[1] / "theme"
_ASSETS = ("book.css", "book.js", "icon.svg")
_CONTENT = re.compile(r'<div class="contents">\n?(.*?)</div><!-- contents -->', re.S)
_TITLE = re.compile(r'<div class="title">(.*?)</div></div>\s*</div><!--header-->', re.S)
_HEADING = re.compile(r'<h([1-6])[^>]*>(?:<a class="anchor" id="([^"]+)"></a>)\s*(.*?)</h\1>', re.S)
_LISTING = re.compile(r'<figure class="listing"([^>]*)>(.*?)</figure>', re.S)
_INLINE = re.compile(r'<figure class="inline-code">(.*?)</figure>', re.S)
_INSERT = re.compile(r'<div data-insert="diff" data-argument="([^"]*)" data-source="([^"]*)"></div>')
_REFERENCE_PAGE = re.compile(r"^(class|struct|union|concept|namespace)\w+\.html$|_8hpp(_source)?\.html$")


@dataclass
class Result:
    sheets: int = 0
    listings: int = 0
    words: int = 0
    faults: list[BookError] = field(default_factory=list)

    def summary(self) -> str:
        return f"book: {self.sheets} pages, {self.listings} listings, {self.words:,} words"


def make(config: Config, printed: Path, xml: Path, site: Path) -> Result:
    """Write the site. Its faults are in the result; with any of them the site is not to be used."""
    site.mkdir(parents=True)
    book = _Book(config, printed, read(xml))
    sheets = book.chapters() + book.reference_pages() + book.diffs()
    frame = Frame(config, THEME, book.reference)
    pages = links.forget_hidden({sheet.name: frame.page(sheet) for sheet in sheets})
    _assets(config, site)
    (site / "search-index.js").write_text(book.search(sheets), encoding="utf-8")
    result = Result(len(pages), book.listings, book.words, book.faults)
    result.faults += links.check(pages, site)
    for name, text in pages.items():
        (site / name).write_text(links.forget_sources(text), encoding="utf-8")
    return result


def _assets(config: Config, site: Path) -> None:
    for name in _ASSETS:
        shutil.copyfile(THEME / name, site / name)
    (site / "fonts").mkdir()
    for font in sorted((THEME / "fonts").iterdir()):
        shutil.copyfile(font, site / "fonts" / font.name)
    for image in sorted(config.figures.glob("*")):
        if image.suffix in (".png", ".jpg", ".jpeg", ".webp", ".gif"):
            (site / "figures").mkdir(exist_ok=True)
            shutil.copyfile(image, site / "figures" / image.name)


class _Book:
    def __init__(self, config: Config, printed: Path, reference: Reference) -> None:
        self.config, self.printed, self.reference = config, printed, reference
        self.order = [entry for entry in config.order() if entry.file]
        self.listings = self.words = 0
        self.faults: list[BookError] = []
        self.wanted_diffs: dict[str, str] = {}
        self.newest = config.stages()[-1].name if config.stages() else ""

    # -- the pages of the book -------------------------------------------------------------------------------------

    def chapters(self) -> list[Sheet]:
        sheets = []
        unlisted = {path.name for path in self.config.pages.glob("*.md")} - {entry.file for entry in self.order}
        for name in sorted(unlisted):
            self.faults.append(BookError(self.config.show(self.config.pages / name), 1, "the page is not in order.txt"))
        for at, entry in enumerate(self.order):
            path = self.printed / f"{entry.page_id}.html"
            if not path.is_file():
                place = self.config.show(self.config.pages / entry.file)
                self.faults.append(BookError(place, 1, f"the title must end with {{#{entry.page_id}}}"))
                continue
            sheets.append(self._chapter(entry, at, path))
        return sheets

    def _chapter(self, entry: Entry, at: int, path: Path) -> Sheet:
        title, content = _parts(path)
        source = self.config.pages / entry.file
        self._count(source, content)
        title = re.sub(r"`([^`]+)`", r"<code>\1</code>", smarten(title))
        kicker, heading = _split_title(title)
        content, headings = self._sections(content, entry.page_id)
        content = _INSERT.sub(self._diff_card, content)
        content = self._code(content, f"{entry.page_id}.html")
        content = smarten(self._names(_tidy(content)))
        self._leftovers(source, content)
        self.words += len(searchindex.text_of(re.sub(r"<pre\b.*?</pre>", " ", content, flags=re.S)).split())
        return Sheet(f"{entry.page_id}.html", _tab(title), heading, content, "chapter",
                     headings, kicker, self._neighbour(at - 1), self._neighbour(at + 1))

    def _neighbour(self, at: int) -> tuple[str, str] | None:
        if not 0 <= at < len(self.order):
            return None
        return f"{self.order[at].page_id}.html", self.order[at].title

    def _count(self, source: Path, content: str) -> None:
        """A listing that was asked for and is not there would go unnoticed by everyone but the reader."""
        wanted = listings.requests(source)
        found = len(_LISTING.findall(content))
        filled = sum(1 for match in _LISTING.finditer(content) if '<div class="line">' in match[2])
        self.listings += filled
        if not len(wanted) == found == filled:
            line = wanted[min(filled, len(wanted) - 1)].line if wanted else 1
            self.faults.append(BookError(self.config.show(source), line, f"the page asks for {len(wanted)} listings and {filled} were printed"))

    def _leftovers(self, source: Path, content: str) -> None:
        """Markup that was not understood would be printed for all to see."""
        text = re.sub(r"<(pre|code|svg)\b.*?</\1>", " ", content, flags=re.S)
        for found in re.finditer(r"\*\*|`|@(?:listing|figure|transcript)\b|\[\^|\]\(", searchindex.text_of(text)):
            around = searchindex.text_of(text)[max(0, found.start() - 30):found.end() + 30]
            self.faults.append(BookError(self.config.show(source), 1, f"markup was not understood, near: {around}"))

    def _sections(self, content: str, page_id: str) -> tuple[str, list[Heading]]:
        """Headings one level down, under the title; anchors without the page's id, which the address has already."""
        headings: list[Heading] = []

        def one(match: re.Match[str]) -> str:
            level, anchor = min(int(match[1]) + 1, 6), match[2].removeprefix(page_id + "-")
            markup = match[3].strip()
            headings.append(Heading(level, anchor, smarten(re.sub(r"</?a\b[^>]*>", "", markup))))
            link = f'<a class="headlink" href="#{anchor}" aria-label="Link to this section">#</a>'
            return f'<h{level} id="{anchor}">{markup}{link}</h{level}>'

        content = _HEADING.sub(one, content)
        content = re.sub(rf'href="{re.escape(page_id)}\.html#{re.escape(page_id)}-', f'href="{page_id}.html#', content)
        for entry in self.order:
            content = content.replace(f'href="{entry.page_id}.html#{entry.page_id}-', f'href="{entry.page_id}.html#')
        return content, headings

    # -- code --------------------------------------------------------------------------------------------------------

    def _code(self, content: str, here: str) -> str:
        printer = Printer(self.reference, here)
        content = _LISTING.sub(lambda m: self._listing(m, printer), content)
        content = _INLINE.sub(lambda m: self._inline_code(m, printer), content)
        return printer.page(content)

    def _listing(self, match: re.Match[str], printer: Printer) -> str:
        about = {k: html.unescape(v) for k, v in re.findall(r'data-(\w+)="([^"]*)"', match[1])}
        first, last = int(about["first"]), int(about["last"])
        code = printer.page(match[2].strip(), first, about["scope"])
        longest = _longest(code)
        wide = " wide" if longest > 70 else ""
        return f'<figure class="listing{wide}" style="--longest:{max(longest, 40)}"><figcaption>{self._caption(about, first, last)}</figcaption>{code}</figure>'

    def _inline_code(self, match: re.Match[str], printer: Printer) -> str:
        code = printer.page(match[1].strip())
        longest = _longest(code)
        return f'<figure class="inline-code{" wide" if longest > 74 else ""}" style="--longest:{max(longest, 40)}">{code}</figure>'

    def _caption(self, about: dict[str, str], first: int, last: int) -> str:
        folder, _, rest = about["path"].removeprefix("chapters/").partition("/")
        lines = f"lines {first}\u2013{last}" if last > first else f"line {first}"
        if folder == self.newest and (page := self._source_page(about["file"])):
            lines = f'<a href="{page}#l{first:05d}">{lines}</a>'
        scope = f'<span class="scope">in <code>{html.escape(about["scope"])}</code></span>' if about["scope"] else ""
        return (f'<span class="file"><span class="folder">{html.escape(folder)}/</span>{html.escape(rest)}</span>'
                f'{scope}<span class="lines">{lines}</span>')

    def _source_page(self, file: str) -> str:
        header = next((h for h in self.reference.headers if file == f"include/{h.name}"), None)
        return header.url.replace(".html", "_source.html") if header else ""

    def _names(self, content: str) -> str:
        """A name of the library in running text leads to its description, the first time in each section."""
        seen: set[str] = set()

        def one(match: re.Match[str]) -> str:
            if match[0].startswith("<h") or not match[1]:
                seen.clear() if match[0].startswith("<h2") else None
                return match[0]
            name = html.unescape(match[1]).removesuffix("()")
            symbol = self.reference.find(name) if len(name) > 2 else None
            if not symbol or name in seen or (symbol.kind in ("function", "variable") and "::" not in name and "(" not in match[1]):
                return match[0]
            seen.add(name)
            return f'<a class="name" href="{symbol.url}"><code>{match[1]}</code></a>'

        return re.sub(r"<(?:h[1-6]|a|figure|figcaption|summary)\b.*?</(?:h[1-6]|a|figure|figcaption|summary)>|<code>([^<]*)</code>", one, content, flags=re.S)

    # -- what a stage changed ----------------------------------------------------------------------------------------

    def _diff_card(self, match: re.Match[str]) -> str:
        folder = self.config.stage_folder(html.unescape(match[1]))
        number = folder.name[:2]
        self.wanted_diffs[number] = folder.name
        return f'<p class="card"><a href="diff-{number}.html"><b>{_diff_title(number, self._before(number))}</b> <span>{self._diff_count(number)}</span></a></p>'

    def _before(self, number: str) -> str:
        numbers = [path.name[:2] for path in self.config.stages()]
        return numbers[numbers.index(number) - 1] if numbers.index(number) else ""

    def _fragment(self, number: str) -> str:
        import diff_stages
        return diff_stages.fragment(stages.find(number, self.config.root), self.config.root)

    def _diff_count(self, number: str) -> str:
        fragment = self._fragment(number)
        files = fragment.count('class="diff-file"')
        return f'{files} files, <span class="diff-plus">+{fragment.count(chr(34) + "diff-add")}</span> <span class="diff-minus">−{fragment.count(chr(34) + "diff-del")}</span> lines'

    def diffs(self) -> list[Sheet]:
        sheets = []
        for number, folder in self.wanted_diffs.items():
            title = _diff_title(number, self._before(number))
            page = next((e for e in self.order if e.page_id == f"ch{number}"), None)
            up = (f"{page.page_id}.html", page.title) if page else None
            intro = "<p>Added lines are marked +, removed lines −. Each change is explained in the chapter, in a listing or under “Also changed”.</p>"
            content = intro + re.sub(r'<details class="diff-file">', '<details class="diff-file" open>', self._fragment(number))
            sheets.append(Sheet(f"diff-{number}.html", title, title, content, "diff", up=up))
        return sheets

    # -- the reference -----------------------------------------------------------------------------------------------

    def reference_pages(self) -> list[Sheet]:
        if not self.reference.headers:
            return []
        sheets = [self._overview()]
        for path in sorted(self.printed.glob("*.html")):
            if _REFERENCE_PAGE.search(path.name) and not path.name.endswith("-members.html"):
                sheets.append(self._reference_page(path))
        return sheets

    def _reference_page(self, path: Path) -> Sheet:
        title, content = _parts(path)
        source = path.name.endswith("_source.html")
        content = Printer(self.reference, path.name).page(content, 1 if source else None, anchors=source)
        content = smarten(_tidy(_tidy_reference(content)))
        headings = [Heading(2, m[1], m[2]) for m in re.finditer(r'<h2 class="groupheader" id="([^"]+)">(.*?)</h2>', content)]
        kind, name = _reference_title(title, path.name)
        sheet = Sheet(path.name, f"{_plain(name)} · Treadle", name if source else f"<code>{name}</code>", content, "source" if source else "reference", headings)
        sheet.up = ("reference.html", f"Reference · {kind}")
        return sheet

    def _overview(self) -> Sheet:
        """The landing page: what each header is for, and what it declares."""
        parts = [f"<p>What the library offers as of stage {html.escape(self.newest)}, by header. The text is that of the headers themselves.</p>"]
        for header in self.reference.headers:
            name = Path(header.name).name
            rows = "".join(_row(symbol) for symbol in self._declared(header))
            source = header.url.replace(".html", "_source.html")
            parts.append(f'<h2 id="{name.replace(".", "-")}"><a href="{header.url}"><code>{name}</code></a></h2><p>{header.brief} <a class="quiet" href="{source}">Source</a></p>'
                         + (f'<table class="names"><tbody>{rows}</tbody></table>' if rows else ""))
        headings = [Heading(2, Path(h.name).name.replace(".", "-"), f"<code>{Path(h.name).name}</code>") for h in self.reference.headers]
        return Sheet("reference.html", "Reference · Treadle", "Reference", smarten("".join(parts)), "reference", headings)

    def _declared(self, header: Symbol) -> list[Symbol]:
        rows = {s.name: s for s in reversed(self.reference.symbols) if s.header == header.name and "::" not in s.name}
        return sorted(rows.values(), key=lambda s: (s.kind == "function", s.name.lower()))

    # -- search ------------------------------------------------------------------------------------------------------

    def search(self, sheets: list[Sheet]) -> str:
        rows: list[list[str]] = []
        for sheet in sheets:
            if sheet.kind == "chapter":
                rows += searchindex.sections(sheet.name, sheet.title.removesuffix(" · Treadle"), sheet.content)
            elif sheet.kind == "reference" and sheet.name.endswith("_8hpp.html"):
                rows.append([sheet.name, _plain(sheet.heading), "", searchindex.text_of(sheet.content)])
        return searchindex.script(rows, searchindex.symbols(self.reference))


# -- Doxygen's HTML ------------------------------------------------------------------------------------------------------


def _parts(path: Path) -> tuple[str, str]:
    """Title and content of a page as Doxygen printed it."""
    page = path.read_text(encoding="utf-8")
    title, content = _TITLE.search(page), _CONTENT.search(page)
    if not content:
        raise BookError(path.name, 1, "Doxygen printed a page that this version of the book's tools cannot read")
    text = re.sub(r"</div><!-- PageDoc -->", "", content[1])
    text = re.sub(r'^\s*<div class="textblock">(.*)</div>\s*$', r"\1", text, flags=re.S) if text.count('<div class="textblock">') == 1 and text.lstrip().startswith('<div class="textblock">') else text
    return encode.show(title[1].strip() if title else path.stem), encode.show(text)


def _tidy(content: str) -> str:
    """Doxygen's leftovers, and paragraphs that became empty."""
    content = re.sub(r'<a class="anchor" id="[^"]*"></a>', "", content)
    content = re.sub(r"<(p|li|ul|ol|table|dl|dt|dd) >", r"<\1>", content)
    content = re.sub(r"<p>\s*(?:<br\s*/>)?\s*</p>", "", content)
    content = re.sub(r"<p>\s+", "<p>", re.sub(r"\s+</(p|td|th|li)>", r"</\1>", content))
    content = re.sub(r"</dd></dl>\s*<dl class=\"terms\">", "</dd>", content)
    content = re.sub(r"<center>|</center>", "", content)
    content = re.sub(r'<table class="markdownTable">(.*?)</table>', r'<div class="table"><table>\1</table></div>', content, flags=re.S)
    content = re.sub(r' class="markdownTable(?:Head|Body|Row)(Left|Right|Center|None|Odd|Even)?"',
                     lambda m: f' class="{m[1].lower()}"' if m[1] in ("Left", "Right", "Center") else "", content)
    content = re.sub(r'<a class="el" ', "<a ", content)
    return re.sub(r"<hr\s*/>", '<hr>', content)


def _tidy_reference(content: str) -> str:
    content = re.sub(r'<h2 class="groupheader"><a id="([^"]+)" name="\1"></a>\s*(.*?)</h2>', r'<h2 class="groupheader" id="\1">\2</h2>', content, flags=re.S)
    content = re.sub(r'<a name="details" id="details"></a><h2 class="groupheader">Description</h2>', '<div id="details"></div>', content)
    content = re.sub(r'<p class="definition">.*?</p>', "", content, flags=re.S)
    content = re.sub(r' <a href="[^"]*">More\.\.\.</a>(?:<br\s*/>)?', "", content)
    content = re.sub(r'<span class="permalink">.*?</span>', "", content)
    content = re.sub(r'<a id="([^"]+)" name="\1"></a>\s*<h2 class="memtitle">(.*?)</h2>', r'<h3 class="memtitle" id="\1"><code>\2</code></h3>', content, flags=re.S)
    content = re.sub(r'<tr class="separator:.*?</tr>\n?', "", content, flags=re.S)
    content = re.sub(r'<a (?:class="el" )?href="dir_[^"]*">(.*?)</a>', r"\1", content)
    content = re.sub(r'<tr class="memitem:\S+ inherit \S+">.*?</tr>|<tr class="memdesc:\S+ inherit \S+">.*?</tr>', "", content, flags=re.S)
    content = re.sub(r'<tr class="inherit_header[^>]*>\s*<td[^>]*>\s*<img[^>]*/?>(?:&#160;|\s)*(.*?)</td></tr>', r'<tr class="inherited"><td colspan="2">\1</td></tr>', content, flags=re.S)
    content = re.sub(r' name="(a[0-9a-f]{33}|[\w-]+)"(?=></a>)', "", content)
    content = re.sub(r'<a href="([^"]*_8hpp)\.html">Go to the documentation of this file\.</a>', r'<p><a href="\1.html">What this header is for, and what it declares</a></p>', content)
    content = re.sub(r'<p><code>#include (.*?)</code></p>', r'<p class="include"><code>#include \1</code></p>', content)
    content = re.sub(r"\b(?:align|valign)=\"\w+\"\s?", "", content)
    return re.sub(r'<a href="([^"]*_source\.html)">Go to the source code of this file\.</a>', r'<p><a href="\1">The source of this header</a></p>', content)


def _reference_title(title: str, name: str) -> tuple[str, str]:
    """`EventLoop Class Reference` is the class `EventLoop`."""
    if name.endswith("_source.html"):
        return "source", f"<code>{title}</code>"
    match = re.match(r"(.*?)\s+(Class|Struct|Union|Concept|Namespace|File)(?: Template)?(?: Reference)?\s*(.*)$", title, re.S)
    if not match:
        return "", title
    kind = {"File": "header"}.get(match[2], match[2].lower())
    return kind, match[1].replace("&lt; ", "&lt;").replace(" &gt;", "&gt;").removeprefix("treadle::")


def _split_title(title: str) -> tuple[str, str]:
    match = re.match(r"^((?:Chapter \d+|Appendix [A-Z])):\s+(.*)$", title, re.S)
    return (match[1], match[2]) if match else ("", title)


def _diff_title(number: str, before: str) -> str:
    return f"What changed since chapter {int(before)}" if before else f"All the code of chapter {int(number)}"


def _row(symbol: Symbol) -> str:
    call = "()" if symbol.kind == "function" else ""
    return f'<tr><td><a href="{symbol.url}"><code>{html.escape(symbol.name, quote=False)}{call}</code></a></td><td>{symbol.brief}</td></tr>'


def _plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", markup))


def _tab(title: str) -> str:
    return f"{_plain(title)} · Treadle"


def _longest(code: str) -> int:
    return max((len(_plain(line)) for line in code.split("\n")), default=0)
