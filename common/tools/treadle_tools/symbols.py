"""Cut the text of a symbol out of a C++ file.

The book addresses code by name, so that sources carry no markup and prose can change without touching sixteen
copies. Universal Ctags says which names there are, on which line, in which scope. How far each one reaches we find
ourselves by matching brackets: the `end` that ctags gives is missing for aliases and wrong for some others.

A symbol's text begins with the comment block directly above it, and holds its `template<...>`, `requires` and
attribute lines. Names match by their tail (`Coro::Awaiter` finds `treadle::Coro::Awaiter`), and the outermost match
wins: `Coro` is the class and not its constructor. A definition wins over a declaration of the same name. Whatever
is still found twice is an error; `name#2` takes the second in file order. `Coro<void>` names a specialisation.
A test case is named by its text in quotes.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from . import cpp

CLASSES = frozenset({"class", "struct", "union"})
DECLARATIONS = frozenset({"prototype", "forward"})
_WITH_BODY = frozenset({"function", "prototype", "namespace", "test"})
_SCOPES = CLASSES | {"namespace", "enum", "function"}
_NAMESPACE = "treadle"

_CTAGS = ["ctags", "--options=NONE", "--language-force=C++", "--output-format=json", "--sort=no"]
_CTAGS += ["--fields=+neKsS", "--kinds-C++=+p-l-e-z-h", "--extras=-q", "-f", "-"]
_FORWARD = re.compile(r"^[ \t]*(?:class|struct|union)\s+(?:\[\[\w+\]\]\s*)?(\w+)\s*;", re.MULTILINE)
_CONCEPT = re.compile(r"\bconcept\s+(\w+)\s*=")
_TEST = re.compile(r'^[ \t]*(?:\w+_)?TEST_CASE(?:_\w+)?\s*\((?:[^"()]*,)?\s*((?:"(?:[^"\\\n]|\\.)*"\s*)+)', re.MULTILINE)
_ACCESS = re.compile(r"\b(?:public|private|protected)\s*$")
_REQUIRES_EXPRESSION = re.compile(r"(?:\brequires|&&|\|\||[=(!])\s*\brequires\s*$")
_NAMESPACE_OPENS = re.compile(r"^\s*(?:inline\s+)?namespace\b[^;{]*\{\s*$")


class SymbolError(ValueError):
    """A symbol or a line is not there, or is there twice; the message says which and what to write instead."""


@dataclass(frozen=True)
class Symbol:
    name: str  # run_turn
    qualified: str  # treadle::EventLoop::run_turn, with the arguments of a specialisation
    kind: str  # class, struct, function, prototype, typedef, enum, variable, member, namespace, concept, test, ...
    first_line: int  # of its comment block
    last_line: int
    body_line: int  # its first line that is code
    scope: str = ""  # qualified name of what encloses it

    @property
    def plain(self) -> str:
        return self.qualified if self.kind == "test" else _without_arguments(self.qualified)


@dataclass(frozen=True)
class Cut:
    first_line: int
    last_line: int
    text: str
    scope: str  # what encloses the text, without the library's own namespace: "Coro", "EventLoop::run_turn", ""
    symbol: Symbol | None = None  # None for @file, @head, @includes


# ---------------------------------------------------------------------------------------------------------------
# Finding every symbol of a file


@dataclass(frozen=True)
class _Found:
    name: str
    kind: str
    at: int  # position of the name
    scope: str


def symbols(path: Path) -> list[Symbol]:
    """Every symbol of the file, in file order."""
    return list(symbols_of_text(path.read_text(encoding="utf-8")))


@lru_cache(maxsize=2048)
def symbols_of_text(text: str) -> tuple[Symbol, ...]:
    masked = cpp.mask(text)
    found = [*_tagged(text, masked), *_untagged(text, masked)]
    spans = sorted({_span(text, masked, each) for each in found}, key=lambda span: (span[0], -span[1], span[2].at))
    return tuple(_named(text, masked, spans))


def _run_ctags(text: str) -> list[dict]:
    with tempfile.NamedTemporaryFile("w", suffix=".hpp", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            done = subprocess.run([*_CTAGS, file.name], capture_output=True, text=True, check=True)
        except FileNotFoundError:
            raise SymbolError("ctags is not installed; on Debian: apt-get install universal-ctags") from None
    return [json.loads(line) for line in done.stdout.splitlines() if '"_type": "tag"' in line]


def _tagged(text: str, masked: str) -> Iterator[_Found]:
    starts = _line_starts(text)
    for tag in _run_ctags(text):
        if tag["name"].startswith("__anon"):
            continue  # nobody can ask for it
        scope = "::".join(part for part in tag.get("scope", "").split("::") if part and not part.startswith("__anon"))
        at = _position(masked, starts, tag["line"], tag["name"])
        if tag["kind"] == "prototype" and _inside_concept(masked, at):
            continue
        yield _Found(re.sub(r"^operator (?=\W)", "operator", tag["name"]), tag["kind"], at, scope)


def _untagged(text: str, masked: str) -> Iterator[_Found]:
    """What ctags does not know: forward declarations, concepts, test cases."""
    for match in _FORWARD.finditer(masked):
        yield _Found(match[1], "forward", match.start(1), _NAMESPACE)
    for match in _CONCEPT.finditer(masked):
        yield _Found(match[1], "concept", match.start(1), _NAMESPACE)
    for match in _TEST.finditer(text):
        pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', match[1])
        yield _Found("".join(pieces), "test", match.start() + len(match[0]) - len(match[0].lstrip()), "")


def _line_starts(text: str) -> list[int]:
    return [0] + [match.end() for match in re.finditer("\n", text)]


def _position(masked: str, starts: list[int], line: int, name: str) -> int:
    start = starts[line - 1]
    end = starts[line] if line < len(starts) else len(masked)
    if name.startswith("operator "):
        pattern = r"operator\s*" + r"\s*".join(map(re.escape, name.removeprefix("operator ").replace(" ", "")))
    else:
        pattern = r"(?<![\w~])" + re.escape(name) + r"(?!\w)"
    match = re.search(pattern, masked[start:end])
    return start + (match.start() if match else 0)


def _inside_concept(masked: str, at: int) -> bool:
    return bool(_CONCEPT.search(masked, _statement_start(masked, at), at)) or bool(
        re.search(r"\bconcept\s+\w+\s*=[^;]*$", masked[max(0, at - 2000) : at])
    )


def _span(text: str, masked: str, found: _Found) -> tuple[int, int, _Found]:
    if found.kind == "macro":
        start = text.rfind("\n", 0, found.at) + 1
        match = re.compile(r"(?:[^\n\\]|\\.)*", re.DOTALL).match(text, start)
        return start, match.end() if match else start, found
    return _statement_start(masked, _type_start(masked, found)), _statement_end(masked, found), found


def _type_start(masked: str, found: _Found) -> int:
    """The name's position; of `union {...} word_`, where the type is spelled out before the name, the brace's."""
    before = masked[: found.at].rstrip()
    spelled_out = found.kind in ("member", "variable", "typedef") and before.endswith("}")
    return cpp.opening(masked, len(before) - 1) if spelled_out else found.at


def _statement_start(masked: str, at: int) -> int:
    """Where the declaration begins whose name is at `at`: behind the statement or the label before it."""
    position = at - 1
    while position >= 0:
        char = masked[position]
        if char in ")]":
            position = cpp.opening(masked, position)
        elif char == "}":
            block = cpp.opening(masked, position)
            if not _opens_requires_expression(masked, block):
                break
            position = block
        elif char in ";{#" or (char == ":" and _ACCESS.search(masked[max(0, position - 12) : position])):
            break
        position -= 1
    position += 1
    while position < at and masked[position].isspace():
        position += 1
    return position


def _opens_requires_expression(masked: str, brace: int) -> bool:
    """True for `&& requires(T t) {`, false for the body in `f() requires (sizeof(T) > 2) {`."""
    before = masked[max(0, brace - 2000) : brace].rstrip()
    if before.endswith(")"):
        before = before[: cpp.opening(before, len(before) - 1)]
    return bool(_REQUIRES_EXPRESSION.search(before))


def _statement_end(masked: str, found: _Found) -> int:
    """Position of the last character of the declaration."""
    position = found.at
    while position < len(masked):
        char = masked[position]
        if char == ";":
            return position
        if char == "}":
            return position - 1
        if char in "([":
            position = cpp.closing(masked, position)
        elif char == "{":
            position = cpp.closing(masked, position)
            if found.kind in _WITH_BODY and not _goes_on(masked, position):
                return position
        position += 1
    return len(masked) - 1


def _goes_on(masked: str, brace: int) -> bool:
    """True behind the braces of a member initialiser or a requires expression: the body is still to come."""
    following = masked[brace + 1 : brace + 400].lstrip()
    return following.startswith(("{", ",", "...", ";", "&&", "||"))


def _named(text: str, masked: str, spans: list[tuple[int, int, _Found]]) -> Iterator[Symbol]:
    lines = text.split("\n")
    starts = _line_starts(text)
    open_symbols: list[tuple[int, int, Symbol]] = []
    for start, end, found in spans:
        while open_symbols and open_symbols[-1][1] < end:
            open_symbols.pop()
        parent = open_symbols[-1][2] if open_symbols else None
        symbol = _symbol(found, parent, masked, lines, _line(starts, start), _line(starts, end))
        if symbol is None:
            continue
        if symbol.kind in _SCOPES:
            open_symbols.append((start, end, symbol))
        yield symbol


def _line(starts: list[int], position: int) -> int:
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if starts[middle] <= position else (low, middle)
    return low + 1


def _symbol(
    found: _Found, parent: Symbol | None, masked: str, lines: list[str], first: int, last: int
) -> Symbol | None:
    if parent and parent.kind == "function" and found.kind not in CLASSES:
        return None  # a local name
    name = found.name
    scope = parent.qualified if parent and parent.kind != "namespace" else found.scope
    if found.kind in CLASSES:
        name += _arguments(masked, found.at + len(found.name))
    if found.kind == "test":
        scope = ""
    if found.kind == "function" and not (parent and parent.kind in CLASSES):
        scope += _specialisation_before(masked, found.at)
    qualified = "::".join(part for part in (scope, name) if part)
    return Symbol(found.name, qualified, found.kind, _comment_start(lines, masked, first), last, first, scope)


def _specialisation_before(masked: str, at: int) -> str:
    """`<void>` of an out-of-line `Promise<void>::get_return_object`; nothing for a member of the primary template."""
    match = re.search(r"\w\s*<([^;{}<>]*)>\s*::\s*$", masked[max(0, at - 200) : at])
    if not match or masked.startswith("template", _statement_start(masked, at)):
        return ""
    return "<" + re.sub(r"\s+", "", match[1]) + ">"


def _arguments(masked: str, position: int) -> str:
    """The arguments of a specialisation, `<void>` of `Coro<void>`."""
    match = re.compile(r"\s*<([^;{]*?)>\s*(?=final\b|:|\{|;)").match(masked, position)
    return "<" + re.sub(r"\s+", "", match[1]) + ">" if match else ""


def _comment_start(lines: list[str], masked: str, first: int) -> int:
    code = masked.split("\n")
    while first > 1 and lines[first - 2].strip() and not code[first - 2].strip():
        first -= 1
    return first


def _without_arguments(qualified: str) -> str:
    head, operator, tail = qualified.partition("operator")
    while "<" in head and ">" in head:
        shorter = re.sub(r"<[^<>]*>", "", head)
        if shorter == head:
            break
        head = shorter
    return head + operator + tail


# ---------------------------------------------------------------------------------------------------------------
# Choosing one


def choose(candidates: list[Symbol] | tuple[Symbol, ...], wanted: str, where: str) -> Symbol:
    """The one symbol that `wanted` names; SymbolError if there is none, or more than one."""
    name, number = _numbered(wanted)
    matches = _matches(candidates, name)
    if not matches:
        raise SymbolError(f"{where}: there is no symbol {wanted!r}{_suggestion(candidates, name)}")
    if number is not None:
        if not 1 <= number <= len(matches):
            raise SymbolError(f"{where}: {name!r} is found {len(matches)} times, so there is no {wanted!r}")
        return matches[number - 1]
    best = _best(matches)
    if len(best) > 1:
        places = ", ".join(f"{name}#{matches.index(each) + 1} in line {each.body_line}" for each in best)
        raise SymbolError(f"{where}: {wanted!r} is found {len(best)} times; choose one: {places}")
    return best[0]


def request_name(candidates: list[Symbol] | tuple[Symbol, ...], symbol: Symbol) -> str:
    """What to write in a page to get this symbol."""
    name = (_short(symbol.qualified) or symbol.qualified) if symbol.kind != "test" else f'"{symbol.name}"'
    same = _matches(candidates, name)
    return name if len(_best(same)) == 1 and _best(same)[0] == symbol else f"{name}#{same.index(symbol) + 1}"


def _numbered(wanted: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"(.+)#(\d+)", wanted)
    return (match[1], int(match[2])) if match and not wanted.startswith('"') else (wanted, None)


def _matches(candidates: list[Symbol] | tuple[Symbol, ...], name: str) -> list[Symbol]:
    """All symbols with this name, outermost scope only, in file order."""
    if name.startswith('"'):
        return [each for each in candidates if each.kind == "test" and each.name == name.strip('"')]
    specialised = "<" in name.partition("operator")[0]
    wanted = re.sub(r"\s+", "", name)

    def full(symbol: Symbol) -> str:
        return re.sub(r"\s+", "", symbol.qualified if specialised else symbol.plain)

    named = [s for s in candidates if s.kind != "test" and (full(s) == wanted or full(s).endswith("::" + wanted))]
    outermost = min((full(symbol).count("::") for symbol in named), default=0)
    return [symbol for symbol in named if full(symbol).count("::") == outermost]


def _best(matches: list[Symbol]) -> list[Symbol]:
    """Definitions before declarations, the primary template before its specialisations."""
    best = [symbol for symbol in matches if symbol.kind not in DECLARATIONS] or matches
    best = [symbol for symbol in best if symbol.qualified == symbol.plain] or best
    return [symbol for symbol in best if symbol.kind != "forward"] or best[:1]


def _suggestion(candidates: list[Symbol] | tuple[Symbol, ...], name: str) -> str:
    last = name.strip('"').split("::")[-1].lower()
    close = [_short(symbol.qualified) for symbol in candidates if last and last in symbol.qualified.lower()]
    if not close:
        close = [_short(symbol.qualified) for symbol in candidates if symbol.kind in _SCOPES | {"test"}]
    close = list(dict.fromkeys(filter(None, close)))
    return "; it has " + ", ".join(close[:12]) if close else ""


# ---------------------------------------------------------------------------------------------------------------
# Cutting


def cut(path: Path, symbol: str, from_text: str | None = None, to_text: str | None = None) -> Cut:
    """Cut `symbol` out of the file, or the part of it from one line's text to another's, both inclusive."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SymbolError(f"{path}: there is no such file") from None
    return cut_text(text, symbol, from_text, to_text, str(path))


def cut_text(
    text: str, symbol: str, from_text: str | None = None, to_text: str | None = None, where: str = "text"
) -> Cut:
    lines = text.split("\n")
    chosen = None if symbol.startswith("@") else choose(symbols_of_text(text), symbol, where)
    whole = (chosen.first_line, chosen.last_line) if chosen else _region(text, symbol, where)
    first, last = whole
    if from_text is not None:
        first = _line_with(lines, whole, from_text, f"{where}: {symbol}")
    if to_text is not None:
        last = _line_with(lines, whole, to_text, f"{where}: {symbol}")
    if last < first:
        raise SymbolError(f"{where}: {symbol}: the last line, {to_text!r}, comes before the first, {from_text!r}")
    inner = chosen is not None and (first, last) != whole
    scope = _short((chosen.qualified if inner else chosen.scope) if chosen else "")
    return Cut(first, last, "\n".join(lines[first - 1 : last]), scope, chosen)


def _short(qualified: str) -> str:
    return "" if qualified == _NAMESPACE else qualified.removeprefix(_NAMESPACE + "::")


def _region(text: str, name: str, where: str) -> tuple[int, int]:
    if name == "@file":
        return 1, max(1, len(text.rstrip("\n").split("\n")))
    if name == "@head":
        return 1, _head_end(text)
    if name == "@includes":
        lines = [n for n, line in enumerate(text.split("\n"), 1) if re.match(r"\s*#\s*include\b", line)]
        if not lines:
            raise SymbolError(f"{where}: there is no #include to show")
        return lines[0], lines[-1]
    raise SymbolError(f"{where}: there is no region {name}; the regions are @file, @head, @includes")


def _head_end(text: str) -> int:
    """The line that opens the (innermost leading) namespace, else the last line before the first symbol."""
    lines = cpp.mask(text).split("\n")
    end = next((n for n, line in enumerate(lines, 1) if _NAMESPACE_OPENS.match(line)), 0)
    if not end:
        first = min((symbol.first_line for symbol in symbols_of_text(text)), default=len(lines) + 1)
        end = first - 1
        while end > 1 and not text.split("\n")[end - 1].strip():
            end -= 1
        return max(end, 1)
    following = end
    while following < len(lines) and (not text.split("\n")[following].strip() or _NAMESPACE_OPENS.match(lines[following])):
        following += 1
        end = following if _NAMESPACE_OPENS.match(lines[following - 1]) else end
    return end


def _line_with(lines: list[str], whole: tuple[int, int], wanted: str, where: str) -> int:
    """The one line that is `wanted`, spaces at both ends aside; failing that, the one that contains it."""
    numbers = range(whole[0], whole[1] + 1)
    exact = [number for number in numbers if lines[number - 1].strip() == wanted.strip()]
    found = exact or [number for number in numbers if wanted.strip() in lines[number - 1]]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SymbolError(f"{where}: no line has the text {wanted!r}")
    raise SymbolError(f"{where}: the text {wanted!r} is in {len(found)} lines: {', '.join(map(str, found))}")
