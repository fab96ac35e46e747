"""The commands that a shell script calls. shfmt reads the script; this walks its syntax tree.

A command counts wherever it stands: in a pipeline, behind &&, in $(…), in the body of a function, in the text of `sh -c`
and of the words of our transcripts (`show "curl … | head"`).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from .words import UNKNOWN, Holds, Text, Word, commands

Node = dict[str, Any]

BUILT_IN = frozenset("""
. : [ alias bg bind break builtin caller cd command compgen complete continue declare dirs disown echo enable eval exec
exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray
readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait
""".split())

# Functions of our scripts that run their arguments: .ci/steps has `step NAME COMMAND...`, and the others are the words of
# a transcript (book/transcripts/lib.sh, book/snippets/hazard.sh).
OUR_FUNCTIONS = {
    "step": Holds("command", 1),
    "quiet": Holds("command"),
    "serve": Holds("command"),
    "show": Holds("text"),
    "show_failing": Holds("text"),
    "dies": Holds("text", 2),
    "needs": Holds("names", 1),
}
TRANSCRIPT_WORDS = "book/transcripts/lib.sh"  # transcripts.py reads it before each script
FIRST_LINE = re.compile(rb"#!\s*/(?:usr/)?bin/(?:env )?(?:sh|bash)\b")
HAS_DEFAULT = re.compile(r"\$\{\w+:?[-=][^}]")


class Unreadable(ValueError):
    """A text that is no shell program to shfmt; the message begins with file and line."""


def is_shell(path: Path) -> bool:
    """A script by its first line, or one of the book's, which have none because a tool reads them."""
    in_book = path.suffix == ".sh" and path.parent.parent.name == "book" and path.parent.name in ("transcripts", "snippets")
    return in_book or bool(FIRST_LINE.match(path.read_bytes()[:40]))


@lru_cache(maxsize=1024)
def parse(text: str, file: str, line: int) -> Node:
    """The syntax tree of a text that begins at this line of the file."""
    try:
        done = subprocess.run(["shfmt", "--to-json"], input=text, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("shfmt is not installed; `make lint` installs it (Debian: shfmt)") from None
    if done.returncode != 0:
        place = re.search(r"(?:^|:)(\d+):\d+: (.*)", done.stderr)
        at, why = (line - 1 + int(place[1]), place[2]) if place else (line, done.stderr.strip())
        raise Unreadable(f"{file}:{at}: shfmt cannot read this as a shell program: {why}")
    return json.loads(done.stdout)


def nodes(tree: Any) -> Iterator[Node]:
    """Every node of a syntax tree, outer before inner, in the order of the text."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


def of_type(tree: Any, name: str) -> Iterator[Node]:
    return (node for node in nodes(tree) if node.get("Type") == name)


def render(word: Node, source: bytes) -> str:
    """The text of a word without its quotes; UNKNOWN for what only the running shell knows."""
    return "".join(_part(part, source) for part in word["Parts"])


def _part(part: Node, source: bytes) -> str:
    kind = part["Type"]
    if kind == "Lit":
        return re.sub(r"\\(.)", r"\1", part["Value"])
    if kind == "SglQuoted":
        return part.get("Value", "")
    if kind == "DblQuoted":
        inner = part.get("Parts") or []
        return "".join(re.sub(r'\\([$`"\\])', r"\1", p["Value"]) if p["Type"] == "Lit" else _part(p, source) for p in inner)
    written = source[part["Pos"]["Offset"]:part["End"]["Offset"]].decode()
    return render(part["Exp"]["Word"], source) if HAS_DEFAULT.match(written) else UNKNOWN


class Script:
    """One program for a shell: a file, or a text inside one."""

    def __init__(self, text: str, file: str, line: int = 1, outer: Mapping[str, Holds | None] | None = None) -> None:
        self._file, self._before = file, line - 1
        self._source = text.encode()
        self._tree = parse(text, file, line)
        own = [node["Name"]["Value"] for node in of_type(self._tree, "FuncDecl")]
        self.functions = {**(outer or {}), **{name: OUR_FUNCTIONS.get(name) for name in own}}

    def sources(self) -> list[str]:
        """The files that it reads with `.`, as far as they are named literally."""
        calls = [self._words(call) for call in of_type(self._tree, "CallExpr")]
        return [words[1].text for words in calls if len(words) > 1 and words[0].text in (".", "source") and words[1].is_known]

    def calls_in(self, function: str) -> list[list[str]]:
        """The words of each command in the body of the function."""
        calls = of_type(self._function(function), "CallExpr")
        return [[word.text for word in words] for words in map(self._words, calls) if words]

    def comments_in(self, function: str) -> list[str]:
        return [node.get("Text", "") for node in nodes(self._function(function)) if "Hash" in node]

    def _function(self, name: str) -> Node:
        return next(node for node in of_type(self._tree, "FuncDecl") if node["Name"]["Value"] == name)

    def called(self) -> Iterator[Word]:
        variables = self.variables()
        for call in of_type(self._tree, "CallExpr"):
            words = self._words(call)
            for first in self._first_words(call, variables) if words else ():
                yield from self._commands([first, *words[1:]])

    def _commands(self, words: list[Word]) -> Iterator[Word]:
        for found in commands(words, self.functions):
            if isinstance(found, Text):
                yield from Script(found.word.text, self._file, found.word.line, self.functions).called()
            elif found.text not in BUILT_IN and found.text not in self.functions:
                yield found

    def _words(self, call: Node) -> list[Word]:
        return [self._word(word, render(word, self._source)) for word in call.get("Args") or []]

    def _word(self, node: Node, text: str) -> Word:
        return Word(text, self._file, self._before + node["Pos"]["Line"])

    def variables(self) -> dict[str, list[str]]:
        """The values that the script gives to its variables, by assignments and by loops, as far as they are known."""
        found: dict[str, list[str]] = {}
        for node in nodes(self._tree):
            values = [node["Value"]] if isinstance(node.get("Value"), dict) else node.get("Items") or []
            if values and isinstance(node.get("Name"), dict):
                found.setdefault(node["Name"]["Value"], []).extend(render(value, self._source) for value in values)
        return found

    def _first_words(self, call: Node, variables: dict[str, list[str]]) -> list[Word]:
        """The command's name; for a variable, each value that the script gives to it."""
        first = call["Args"][0]
        text = render(first, self._source)
        if text != UNKNOWN:
            return [self._word(first, text)]
        (part,) = [part for part in nodes(first) if part.get("Type") == "ParamExp"][:1] or [{}]
        values = variables.get(part.get("Param", {}).get("Value", ""), [])
        return [self._word(first, value) for value in dict.fromkeys(values) if value]


def functions_of(name: str, root: Path) -> dict[str, Holds | None]:
    """The functions that a script finds defined: those of the files that it reads, and for a transcript those of lib.sh."""
    names = Script((root / name).read_text(), name).sources()
    if name.startswith("book/") and name != TRANSCRIPT_WORDS and not FIRST_LINE.match((root / name).read_bytes()[:40]):
        names.append(TRANSCRIPT_WORDS)
    found: dict[str, Holds | None] = {}
    for other in names:
        if (root / other).is_file():
            found |= functions_of(other, root) | Script((root / other).read_text(), other).functions
    return found


def called(path: Path, root: Path) -> Iterator[Word]:
    """Every command that the script calls."""
    name = path.relative_to(root).as_posix()
    yield from Script(path.read_text(), name, 1, functions_of(name, root)).called()


def called_in_tour(path: Path, root: Path) -> Iterator[Word]:
    """The lines `$ COMMAND | what to look at` of a tour.txt, which tour.py gives to sh."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("$ "):
            yield from Script(line[2:].rpartition(" | ")[0], path.relative_to(root).as_posix(), number).called()
