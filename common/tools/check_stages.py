#!/usr/bin/env python3
"""Prove that the stages are one book: what a chapter does not teach is the previous chapter's, to the byte.

Sixteen copies of a runtime stay one only if nothing can differ by accident. So every line that differs from the
stage before must be shown or explained by the chapter's page, and nothing may be forgotten, flipped back, merely
re-spaced, or pointed upwards. Each finding is one line, FILE:LINE: what is wrong and what to do. [rule]
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from treadle_tools import cli, cpp, diff, listings, stages, symbols
from treadle_tools.stages import Stage


@dataclass(frozen=True)
class Finding:
    path: Path
    line: int
    message: str
    rule: str


@dataclass(frozen=True)
class Tree:
    """The stages and their sources, read once."""

    root: Path
    stages: list[Stage]
    runtime: dict[Stage, dict[str, str]]  # include/ and src/
    examples: dict[Stage, dict[str, str]]

    def pairs(self) -> Iterator[tuple[Stage, Stage]]:
        yield from zip(self.stages, self.stages[1:])

    def all_files(self, stage: Stage) -> dict[str, str]:
        return {**self.runtime[stage], **self.examples[stage]}


def read_tree(root: Path) -> Tree:
    found = stages.stages(root)
    runtime = {stage: diff.files(stage, diff.RUNTIME) for stage in found}
    examples = {stage: diff.files(stage, diff.PROGRAMS) for stage in found}
    return Tree(root, found, runtime, examples)


# ---------------------------------------------------------------------------------------------------------------
# explained: every changed line is in a listing of the chapter's page or in its "Also changed" list


@dataclass
class Explanation:
    """The lines of one file that a page shows (new side) or explains (both sides)."""

    new: set[int]
    old: set[int]


@dataclass
class Page:
    path: Path
    requests: list[listings.Request]
    also: list[listings.AlsoChanged]


def explained(tree: Tree) -> Iterator[Finding]:
    for index, stage in enumerate(tree.stages):
        old = tree.runtime[tree.stages[index - 1]] if index else {}
        previous = tree.stages[index - 1].name if index else ""
        try:
            page = _page(tree, stage)
            yield from _explained_stage(tree, stage, previous, old, page)
        except listings.ListingError as error:
            yield _from_error(tree, error)


def _page(tree: Tree, stage: Stage) -> Page | None:
    path = listings.page_of(stage.number, tree.root)
    return Page(path, listings.requests(path), listings.also_changed(path)) if path else None


def _from_error(tree: Tree, error: listings.ListingError) -> Finding:
    match = re.match(r"(.*?):(\d+): (.*)", str(error), re.DOTALL)
    path, line, message = (match[1], int(match[2]), match[3]) if match else (str(tree.root), 1, str(error))
    return Finding(Path(path), line, message, "listing")


def _explained_stage(
    tree: Tree, stage: Stage, previous: str, old: dict[str, str], page: Page | None
) -> Iterator[Finding]:
    new = tree.runtime[stage]
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if page is None:
        if changed:
            yield _no_page(tree, stage, previous, changed)
        return
    yield from _bad_requests(tree, stage, page)
    yield from _bad_items(tree, stage, old, new, page)
    for name in changed:
        if name in new:
            yield from _unexplained(stage, previous, name, old.get(name, ""), new[name], page)
        elif not _names_file(page, name):
            yield _missing(stage, previous, name, page)


def _no_page(tree: Tree, stage: Stage, previous: str, changed: list[str]) -> Finding:
    page = tree.root / "book" / "pages" / f"ch{stage.number}.md"
    than = f"differ from {previous}" if previous else "are there"
    message = f"{len(changed)} files of {stage.name} {than}, and no page explains them: write this page"
    return Finding(page, 1, message, "explained")


def _missing(stage: Stage, previous: str, name: str, page: Page) -> Finding:
    message = (
        f"{previous} has this file and {stage.name} has not: put it back, or say why it goes in {page.path.name}, "
        f"under ## Also changed: - `{name}` `@file`: the reason"
    )
    return Finding(stage.file(name), 1, message, "missing")


def _names_file(page: Page, name: str) -> bool:
    return any(item.file == name for item in page.also)


def _own_requests(page: Page, stage: Stage) -> list[listings.Request]:
    return [request for request in page.requests if request.stage in (stage.number, stage.name)]


def _bad_requests(tree: Tree, stage: Stage, page: Page) -> Iterator[Finding]:
    for request in page.requests:
        try:
            request.cut(tree.root)
        except listings.ListingError as error:
            yield _from_error(tree, error)


def _explanation(stage: Stage, name: str, old: str, new: str, page: Page) -> Explanation:
    result = Explanation(set(), set())
    for request in _own_requests(page, stage):
        if request.file == name:
            result.new |= _lines(new, request.symbol, request.from_text, request.to_text)
    for item in page.also:
        if item.file == name:
            result.new |= _lines(new, item.symbol)
            result.old |= _lines(old, item.symbol)
    return result


def _lines(text: str, symbol: str, from_text: str | None = None, to_text: str | None = None) -> set[int]:
    """The lines that a request covers; none if it cannot be found, which others report."""
    if not text:
        return set()
    try:
        cut = symbols.cut_text(text, symbol, from_text, to_text)
    except symbols.SymbolError:
        return set()
    return set(range(cut.first_line, cut.last_line + 1))


def _unexplained(stage: Stage, previous: str, name: str, old: str, new: str, page: Page) -> Iterator[Finding]:
    explanation = _explanation(stage, name, old, new, page)
    trivial = _trivial_lines(new)
    for hunk in diff.hunks(old, new):
        if hunk.new_count == 0:
            if not _removal_explained(hunk, old, explanation):
                yield _removed_finding(stage, previous, name, old, hunk, page)
            continue
        bare = [line for line in hunk.new_lines if line not in explanation.new and line not in trivial]
        for first, last in _runs(bare, trivial):
            yield _unexplained_finding(stage, previous, name, new, first, last, page)


def _removal_explained(hunk: diff.Hunk, old: str, explanation: Explanation) -> bool:
    gone = [line for line in hunk.old_lines if line not in _trivial_lines(old)]
    if all(line in explanation.old for line in gone):
        return True
    return bool({hunk.new_first, hunk.new_first + 1} & explanation.new)


_BRACES = re.compile(r"[{}();\s]*$")
_NAMESPACE = re.compile(r"\s*(?:inline\s+)?namespace\b[\w:\s]*\{\s*$")


@lru_cache(maxsize=4096)
def _trivial_lines(text: str) -> frozenset[int]:
    """Lines that need no explanation: blank ones, lone brackets, the opening and closing of a namespace."""
    trivial = set()
    kinds = cpp.line_kinds(text)
    for number, line in enumerate(cpp.mask(text).split("\n"), 1):
        if number not in kinds.comment and (_BRACES.match(line) or _NAMESPACE.match(line)):
            trivial.add(number)
    return frozenset(trivial)


def _runs(lines: list[int], gaps: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring lines, over blank ones too."""
    first = last = 0
    for line in lines:
        if first and all(between in gaps for between in range(last + 1, line)):
            last = line
            continue
        if first:
            yield first, last
        first = last = line
    if first:
        yield first, last


def _unexplained_finding(
    stage: Stage, previous: str, name: str, new: str, first: int, last: int, page: Page
) -> Finding:
    symbol = _suggested_symbol(new, first, last)
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    if previous:
        what = f"{lines} {'differs' if first == last else 'differ'} from {previous}"
        done = f"show them with @listing{{{stage.number} {name} {symbol}}}, or give the reason under ## Also changed"
        done += f" as - `{name}` `{symbol}`: ..., or take the change back"
    else:
        what = f"{lines} {'is' if first == last else 'are'} shown nowhere"
        done = f"show every line of this stage, for instance with @listing{{{stage.number} {name} {symbol}}}"
    return Finding(stage.file(name), first, f"{what}, and {page.path.name} does not explain this: {done}", "explained")


def _removed_finding(stage: Stage, previous: str, name: str, old: str, hunk: diff.Hunk, page: Page) -> Finding:
    gone = [line for line in hunk.old_lines if line not in _trivial_lines(old)] or list(hunk.old_lines)
    symbol = _suggested_symbol(old, gone[0], gone[-1])
    count = f"{hunk.old_count} line{'s' if hunk.old_count > 1 else ''} of {previous}"
    message = (
        f"{count} (from line {hunk.old_first}) went away here, and {page.path.name} does not say why: give the reason "
        f"under ## Also changed as - `{name}` `{symbol}`: ..., or put them back"
    )
    return Finding(stage.file(name), hunk.line, message, "explained")


def _suggested_symbol(text: str, first: int, last: int) -> str:
    """The smallest symbol around these lines, by the name that a request would use."""
    around = [each for each in symbols.symbols_of_text(text) if each.kind != "namespace"]
    around = [each for each in around if each.first_line <= first and last <= each.last_line]
    if around:
        return symbols.request_name(symbols.symbols_of_text(text), min(around, key=lambda s: s.last_line - s.first_line))
    head = symbols.cut_text(text, "@head")
    return "@head" if last <= head.last_line else "@file"


def _bad_items(
    tree: Tree, stage: Stage, old: dict[str, str], new: dict[str, str], page: Page
) -> Iterator[Finding]:
    for item in page.also:
        message = _item_fault(tree, stage, old, new, item)
        if message:
            yield Finding(page.path, item.line, message, "also-changed")


def _item_fault(
    tree: Tree, stage: Stage, old: dict[str, str], new: dict[str, str], item: listings.AlsoChanged
) -> str | None:
    name = f"`{item.file}` `{item.symbol}`"
    if not item.reason:
        return f"{name} gives no reason: say behind the colon why it changed"
    if not item.file.startswith(diff.RUNTIME):
        return _example_fault(tree, stage, item)
    before, after = old.get(item.file, ""), new.get(item.file, "")
    if not before and not after:
        return f"there is no file {item.file} in {stage.name} nor in the stage before: correct the name"
    old_lines, new_lines = _lines(before, item.symbol), _lines(after, item.symbol)
    if not old_lines and not new_lines:
        return f"{item.file} has no symbol {item.symbol!r}, or has it twice: correct the name"
    touched = any(
        set(hunk.new_lines) & new_lines or set(hunk.old_lines) & old_lines for hunk in diff.hunks(before, after)
    )
    return None if touched else f"{name} matches no change from the stage before: take the item out"


def _example_fault(tree: Tree, stage: Stage, item: listings.AlsoChanged) -> str | None:
    index = tree.stages.index(stage)
    before = tree.examples[tree.stages[index - 1]].get(item.file) if index else None
    if before == tree.examples[stage].get(item.file):
        return f"`{item.file}` did not change from the stage before: take the item out"
    return None


# ---------------------------------------------------------------------------------------------------------------
# examples, CMakeLists: the same in every stage that has them


def examples_stay(tree: Tree) -> Iterator[Finding]:
    for previous, stage in tree.pairs():
        try:
            page = _page(tree, stage)
        except listings.ListingError:
            continue  # reported by `explained`
        for name, text in tree.examples[previous].items():
            if name.endswith("/tour.txt"):
                continue  # what `make run` shows of a stage is each stage's own
            yield from _example_stays(tree, previous, stage, page, name, text)


def _example_stays(
    tree: Tree, previous: Stage, stage: Stage, page: Page | None, name: str, text: str
) -> Iterator[Finding]:
    now = tree.examples[stage].get(name)
    told = page is not None and _names_file(page, name)
    shown = page is not None and any(request.file == name for request in _own_requests(page, stage))
    if now is None and not told:
        message = f"{previous.name} has this example and {stage.name} has not: copy it, since every later stage must run it"
        yield Finding(stage.file(name), 1, message, "example")
    elif now is not None and now != text and not (told or shown):
        line = diff.hunks(text, now)[0].line if diff.hunks(text, now) else 1
        message = (
            f"this example differs from {previous.name}'s, and the page of chapter {stage.number} does not say why: "
            f"take the change back, carry it (make carry FROM={previous.number}), or add it under ## Also changed"
        )
        yield Finding(stage.file(name), line, message, "example")


def same_cmakelists(tree: Tree) -> Iterator[Finding]:
    """One CMakeLists.txt for all: the bytes that most stages have are taken to be right."""
    texts = {stage: _bytes(stage.file("CMakeLists.txt")) for stage in tree.stages}
    for stage, text in texts.items():
        if text is None:
            message = "the chapter has no CMakeLists.txt, so it does not build alone: copy another chapter's"
            yield Finding(stage.file("CMakeLists.txt"), 1, message, "cmakelists")
    present = [text for text in texts.values() if text is not None]
    usual = Counter(present).most_common(1)[0][0] if present else b""
    model = next((stage for stage, text in texts.items() if text == usual), None)
    for stage, text in texts.items():
        if model and text is not None and text != usual:
            line = next((n for n, (a, b) in enumerate(zip(text.split(b"\n"), usual.split(b"\n")), 1) if a != b), 1)
            message = f"it is not the same bytes as {model.name}'s: make one file right and copy it to every chapter"
            yield Finding(stage.file("CMakeLists.txt"), line, message, "cmakelists")


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


# ---------------------------------------------------------------------------------------------------------------
# white-space: nobody should have to read a change that changes nothing


def white_space(tree: Tree) -> Iterator[Finding]:
    for previous, stage in tree.pairs():
        old, new = tree.all_files(previous), tree.all_files(stage)
        for name in sorted(old.keys() & new.keys()):
            yield from _white_space_file(previous, stage, name, old[name], new[name])


def _white_space_file(previous: Stage, stage: Stage, name: str, old: str, new: str) -> Iterator[Finding]:
    old_lines, new_lines = old.split("\n"), new.split("\n")
    for hunk in _merged(diff.hunks(old, new)):
        before = "".join(old_lines[line - 1] for line in hunk.old_lines)
        after = "".join(new_lines[line - 1] for line in hunk.new_lines)
        if re.sub(r"\s", "", before) == re.sub(r"\s", "", after):
            message = f"only white space differs from {previous.name} here: take over its lines as they are"
            yield Finding(stage.file(name), hunk.line, message, "white-space")


def _merged(hunks: Iterable[diff.Hunk], near: int = 2) -> list[diff.Hunk]:
    """Hunks with at most `near` unchanged lines between them count as one: a blank line next to a change is part of it."""
    merged: list[diff.Hunk] = []
    for hunk in hunks:
        first_new = hunk.new_first + (hunk.new_count == 0)
        if merged and first_new - _end(merged[-1].new_first, merged[-1].new_count) <= near:
            hunk = _joined(merged.pop(), hunk)
        merged.append(hunk)
    return merged


def _end(first: int, count: int) -> int:
    """The line after the last one of a side."""
    return first + (count or 1)


def _joined(one: diff.Hunk, two: diff.Hunk) -> diff.Hunk:
    old_first, new_first = one.old_first + (one.old_count == 0), one.new_first + (one.new_count == 0)
    old_end, new_end = _end(two.old_first, two.old_count), _end(two.new_first, two.new_count)
    return diff.Hunk(old_first, old_end - old_first, new_first, new_end - new_first)


# ---------------------------------------------------------------------------------------------------------------
# flips: a text that was left must not come back


def flips_back(tree: Tree) -> Iterator[Finding]:
    history: dict[str, list[dict[str, frozenset[str]]]] = {}
    for index, stage in enumerate(tree.stages):
        told = _told(tree, stage)
        for name, text in tree.all_files(stage).items():
            versions = history.setdefault(name, [])
            versions.extend({} for _ in range(index - len(versions)))
            versions.append(_texts(text))
            for finding, symbol in _flips_of_file(tree, index, name, text, versions):
                if (name, symbol) not in told:
                    yield finding


def _told(tree: Tree, stage: Stage) -> set[tuple[str, str]]:
    """File and symbol of the changes that the page gives a reason for: a text may come back if it is said why."""
    try:
        page = _page(tree, stage)
    except listings.ListingError:
        return set()
    items = page.also if page else []
    return {(item.file, item.symbol.replace("@includes", "@head")) for item in items if item.reason}


def _pieces(text: str) -> list[tuple[str, int, int, str]]:
    """Name, first line, last line and text of the head and of every symbol; namespaces hold too much to tell."""
    lines = text.split("\n")
    head = symbols.cut_text(text, "@head")
    pieces = [("@head", head.first_line, head.last_line, head.text)]
    for symbol in symbols.symbols_of_text(text):
        if symbol.kind != "namespace":
            cut = "\n".join(lines[symbol.first_line - 1 : symbol.last_line])
            pieces.append((symbol.qualified, symbol.first_line, symbol.last_line, cut))
    return pieces


def _texts(text: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, _, _, piece in _pieces(text):
        found.setdefault(name, set()).add(piece)
    return {name: frozenset(pieces) for name, pieces in found.items()}


def _flips_of_file(
    tree: Tree, index: int, name: str, text: str, versions: list[dict[str, frozenset[str]]]
) -> Iterator[tuple[Finding, str]]:
    """Each text that came back, with the name of its symbol as a page would write it."""
    reported: list[tuple[int, int]] = []
    for symbol, first, last, piece in sorted(_pieces(text), key=lambda each: each[2] - each[1]):
        earlier = _returns_to(versions[: index + 1], symbol, piece)
        if earlier is None or any(first <= a and b <= last for a, b in reported):
            continue
        reported.append((first, last))
        stage, then, between = tree.stages[index], tree.stages[earlier], tree.stages[index - 1]
        short = symbol.removeprefix("treadle::")
        message = (
            f"{short} is again as it was in {then.name}, and {between.name} has it otherwise: carry what was skipped "
            f"(make carry FROM={then.number}), let {between.name} not differ, or say why it returns, in the page of "
            f"chapter {stage.number} under ## Also changed as - `{name}` `{short}`: ..."
        )
        yield Finding(stage.file(name), first, message, "flips-back"), short


def _returns_to(versions: list[dict[str, frozenset[str]]], symbol: str, piece: str) -> int | None:
    """The stage whose text this is again, if the stage directly before has another."""
    index = len(versions) - 1
    if index < 2 or piece in versions[index - 1].get(symbol, frozenset()):
        return None
    return next((i for i in range(index - 2, -1, -1) if piece in versions[i].get(symbol, frozenset())), None)


# ---------------------------------------------------------------------------------------------------------------
# floors: an include points down


_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"](?:treadle/)?([\w/]+)\.hpp[>"]')


def read_floors(path: Path) -> dict[str, int]:
    floors: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        words = line.partition("#")[0].split()
        if words:
            floors.update((name, int(words[0])) for name in words[1:])
    return floors


def floors_hold(tree: Tree) -> Iterator[Finding]:
    table = tree.root / "common" / "tools" / "floors.txt"
    floors = read_floors(table)
    for stage in tree.stages:
        for name, text in tree.runtime[stage].items():
            yield from _floor_of_file(tree, stage, floors, name, text)
        yield from _circles(tree, stage, floors)


def _included(text: str) -> Iterator[tuple[int, str]]:
    masked = cpp.mask(text).split("\n")
    for number, line in enumerate(text.split("\n"), 1):
        match = _INCLUDE.match(line)
        if match and masked[number - 1].lstrip().startswith("#"):
            yield number, match[1].split("/")[-1]


def _floor_of_file(tree: Tree, stage: Stage, floors: dict[str, int], name: str, text: str) -> Iterator[Finding]:
    stem = Path(name).stem
    own = floors.get(stem)
    if own is None:
        message = f"{stem} is on no floor: add it to common/tools/floors.txt, as low as its includes allow"
        yield Finding(stage.file(name), 1, message, "floor")
        return
    for line, included in _included(text):
        if floors.get(included, 0) > own:
            message = (
                f"this include points up, from {stem} (floor {own}) to {included} (floor {floors[included]}): "
                "move what is needed down, or go through the narrow door of task and event_loop"
            )
            yield Finding(stage.file(name), line, message, "floor")


def _circles(tree: Tree, stage: Stage, floors: dict[str, int]) -> Iterator[Finding]:
    headers = {Path(name).stem: name for name in tree.runtime[stage] if name.endswith(".hpp")}
    graph = {stem: list(_included(tree.runtime[stage][name])) for stem, name in headers.items()}
    reported: set[frozenset[str]] = set()
    for stem in sorted(graph):
        circle = _circle_from(stem, graph)
        if circle and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            line = next(line for line, included in graph[stem] if included == circle[1 % len(circle)])
            way = " -> ".join([*circle, stem])
            yield Finding(stage.file(headers[stem]), line, f"the includes go round in a circle: {way}; break it", "floor")


def _circle_from(start: str, graph: dict[str, list[tuple[int, str]]]) -> list[str]:
    """The shortest way from `start` back to itself, without its end."""
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        for _, included in graph.get(way[-1], []):
            if included == start:
                return way
            if included in graph and included not in seen:
                seen.add(included)
                ways.append([*way, included])
    return []


# ---------------------------------------------------------------------------------------------------------------
# words: a source does not know which chapter it is in, nor that there is a book


_NUMBER = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|N)"
_CHAPTER = re.compile(rf"\b(?:chapters?|stages?)\s+{_NUMBER}\b|\bch\d\d\b", re.IGNORECASE)
_TIME_WORDS = re.compile(
    r"\b(?:in|until|from|by) (?:a|an|the|some|this|that|our)? ?(?:later|earlier|next|last|previous|coming|first) "
    r"(?:chapter|stage|version)s?\b"
    r"|\b(?:later|earlier|next|last|previous|this|every|coming) (?:chapter|stage)s?\b"
    r"|(?-i:\bFrom now on\b)|\b(?:for|as of|by|until) now\b(?!\()|\bas of (?:this|chapter|stage)\b"
    r"|\bnew(?:ly)?(?: added| introduced)? in (?:this|the (?:last|next|previous)|chapter|stage|version|\d)"
    r"|\b(?:is|are) new (?:here|since)\b|\bnew since\b|^\W*(?:NEW|CHANGED|ADDED)\b\s*[:!]",
    re.IGNORECASE | re.MULTILINE,
)
_MARKUP = re.compile(
    r"[@\\](?:listing|transcript|figure|snippet\w*|subpage|page|section|anchor|dontinclude|skipline|until)\b"
    r"|//!?\s*\[[\w-]+\]\s*$|\bANCHOR(?:_END)?:|\{#[\w-]+\}|(?:\[!(?:NOTE|PREDICT|TIP|WARNING)\])|//\s*<<<|//\s*>>>"
)


def words(tree: Tree) -> Iterator[Finding]:
    names = re.compile("|".join(rf"\b{re.escape(stage.name)}\b" for stage in tree.stages) or "(?!)")
    for stage in tree.stages:
        for name, text in tree.runtime[stage].items():
            yield from _words_of_file(stage, name, text, names)


def _words_of_file(stage: Stage, name: str, text: str, names: re.Pattern[str]) -> Iterator[Finding]:
    for line, raw in enumerate(text.split("\n"), 1):
        match = _CHAPTER.search(raw) or names.search(raw)
        if match:
            message = f"{match[0]!r}: sources name no chapter, since they are copied on; say it in the chapter's page"
            yield Finding(stage.file(name), line, message, "words")
    for comment in cpp.comments(text):
        if match := _TIME_WORDS.search(comment.text):
            if not _CHAPTER.search(comment.text):
                message = f"{match[0].strip()!r} speaks of the book's time: say what is so, and leave when to the page"
                yield Finding(stage.file(name), comment.line, message, "words")
        if match := _MARKUP.search(comment.text):
            message = f"{match[0].strip()!r} is book markup: take it out, since pages address code by symbol"
            yield Finding(stage.file(name), comment.line, message, "markup")


# ---------------------------------------------------------------------------------------------------------------
# system: the operating system is asked through System, so that a test can decide every answer


_ASKS_SYSTEM = re.compile(
    r"(?<![\w>\]:])::[a-z_]\w*\s*\(|\bthis_thread::sleep_\w+|\b\w+_clock::now\b|\brandom_device\b"
    r"|\bstd::(?:jthread|async)\b|\bstd::thread\b\s*(?:\w+\s*)?[({]"
)
# What these declare can be called without the `::` by which a call is seen.
_SYSTEM_HEADER = re.compile(
    r"#\s*include\s*<(?:unistd|fcntl|time|sys/(?:eventfd|epoll|event|uio|stat|syscall|time|timerfd))\.h>"
)


def read_allowed(path: Path) -> list[tuple[int, str, str]]:
    """Line, file and text of the entries."""
    allowed = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else [], 1):
        if line.strip() and not line.startswith("#"):
            name, text, _reason = (part.strip() for part in line.split(" | ", 2))
            allowed.append((number, name, text))
    return allowed


def asks_through_system(tree: Tree) -> Iterator[Finding]:
    table = tree.root / "common" / "tools" / "system.allow"
    allowed, used = read_allowed(table), set()
    for stage in tree.stages:
        for name, text in tree.runtime[stage].items():
            if Path(name).stem == "system":
                continue
            for line, (raw, masked) in enumerate(zip(text.split("\n"), cpp.mask(text).split("\n")), 1):
                is_directive = masked.lstrip().startswith("#")
                match = _SYSTEM_HEADER.search(raw) if is_directive else _ASKS_SYSTEM.search(masked)
                reasons = {entry for entry in allowed if entry[1] == name and entry[2] in raw} if match else set()
                used |= reasons
                if match and not reasons:
                    message = (
                        f"{match[0]!r} asks the operating system, and no test can decide the answer: call System::current(), "
                        "or give the reason in common/tools/system.allow"
                    )
                    yield Finding(stage.file(name), line, message, "system")
    present = {name for stage in tree.stages for name in tree.runtime[stage]}
    for entry in allowed:
        if entry[1] in present and entry not in used:
            yield Finding(table, entry[0], f"{entry[1]} has no {entry[2]!r} any more: take the line out", "system")


# ---------------------------------------------------------------------------------------------------------------
# tests: each file in one row of the table


def test_table(tree: Tree) -> Iterator[Finding]:
    folder = tree.root / "tests"
    table = folder / "stages.txt"
    present = {path.name for path in folder.glob("test_*.cpp")}
    if not table.is_file():
        if present:
            yield Finding(table, 1, "there is no table: write a row FIRST_STAGE test_NAME.cpp Subject", "test-table")
        return
    listed: dict[str, int] = {}
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        fault = _row_fault(tree, line.partition("#")[0].split(), present, listed, number)
        if fault:
            yield Finding(table, number, fault, "test-table")
    for name in sorted(present - listed.keys()):
        message = "no stage runs this file: add a row to tests/stages.txt, FIRST_STAGE " + name + " Subject"
        yield Finding(folder / name, 1, message, "test-table")


def _row_fault(tree: Tree, row: list[str], present: set[str], listed: dict[str, int], number: int) -> str | None:
    if not row:
        return None
    if len(row) < 3:
        return f"a row is FIRST_STAGE test_NAME.cpp Subject, and this is {' '.join(row)!r}"
    first, name = row[0], row[1]
    if name in listed:
        return f"{name} has a row already, line {listed[name]}: take one out"
    listed[name] = number
    if name not in present:
        return f"there is no tests/{name}: write it, or take the row out"
    if first not in {stage.number for stage in tree.stages}:
        choices = ", ".join(stage.number for stage in tree.stages)
        return f"there is no stage {first!r}; the stages are: {choices}"
    return None


# ---------------------------------------------------------------------------------------------------------------


CHECKS: dict[str, Callable[[Tree], Iterator[Finding]]] = {
    "explained": explained,
    "examples": examples_stay,
    "cmakelists": same_cmakelists,
    "white-space": white_space,
    "flips-back": flips_back,
    "floors": floors_hold,
    "words": words,
    "system": asks_through_system,
    "tests": test_table,
}


def check(root: Path, names: Iterable[str] = CHECKS) -> list[Finding]:
    """Every finding of the named checks."""
    tree = read_tree(root)
    return [finding for name in names for finding in CHECKS[name](tree)]


def _shown(finding: Finding, root: Path) -> str:
    path = finding.path
    shown = path.relative_to(root) if path.is_absolute() and path.is_relative_to(root) else path
    return f"{shown}:{finding.line}: {finding.message} [{finding.rule}]"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="CHECK", action="append", choices=CHECKS, help="run this check only; may be repeated")
    parser.add_argument("--skip", metavar="CHECK", action="append", choices=CHECKS, default=[], help="leave this check out")
    parser.add_argument("--root", type=Path, default=stages.ROOT, help="the tree to check (default: this one)")
    parser.epilog = "checks: " + ", ".join(CHECKS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    root = arguments.root.resolve()
    found = stages.stages(root)
    if not found:
        stages.misuse(f"there is no stage to check: {root / 'chapters'} has no directory NN-name")
    findings = check(root, [name for name in arguments.only or CHECKS if name not in arguments.skip])
    for finding in findings:
        print(_shown(finding, root))
    print(f"check-stages: {len(found)} stages, {len(findings)} finding{'' if len(findings) == 1 else 's'}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    cli.run(main)
