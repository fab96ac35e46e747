"""The words of one command, and the further commands that they contain: `env A=1 timeout 5 sh -c 'x | y'` calls five.

A word is text with a place. What only the running program knows is UNKNOWN inside the text, so a word can be known in
part: `"$here/run"` is a path, whatever `here` is, and the text behind `sh -c` can be read although it uses variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

UNKNOWN = "${_}"  # a variable to a shell, so that a text which holds it still has the syntax of a shell


@dataclass(frozen=True)
class Word:
    text: str
    file: str
    line: int

    @property
    def is_known(self) -> bool:
        return UNKNOWN not in self.text


@dataclass(frozen=True)
class Text:
    """A program for a shell, inside a word."""

    word: Word


@dataclass(frozen=True)
class Holds:
    """What the arguments of a command or of a function contain, after options and `skip` other words."""

    what: str  # "command", the rest is one; "text", the next word is a program for a shell; "names", each word is a command
    skip: int = 0
    takes_value: frozenset[str] = field(default_factory=frozenset)  # options whose value is the next word


def _holds(what: str, skip: int = 0, takes_value: str = "") -> Holds:
    return Holds(what, skip, frozenset(takes_value.split()))


HOLDERS = {
    "chroot": _holds("command", 1),
    "command": _holds("command"),  # and `command -v NAME` looks for it
    "env": _holds("command", 0, "-u --unset -C --chdir"),
    "eval": _holds("text"),
    "exec": _holds("command", 0, "-a"),
    "nice": _holds("command", 0, "-n --adjustment"),
    "nohup": _holds("command"),
    "setpriv": _holds("command", 0, "--pdeathsig --reuid --regid --groups"),
    "setsid": _holds("command"),
    "stdbuf": _holds("command", 0, "-i -o -e"),
    "sudo": _holds("command", 0, "-u -g"),
    "timeout": _holds("command", 1, "-s --signal -k --kill-after"),
    "trap": _holds("text"),
    "unshare": _holds("command"),
    "xargs": _holds("command", 0, "-I -n -L -P -d -a -s -E"),
}
SHELLS = ("sh", "bash", "dash")
SHELL_TEXT = ("-c", "-ec", "-euc")
FIND_RUNS = ("-exec", "-execdir", "-ok", "-okdir")
BINARY_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")


def commands(words: Sequence[Word], functions: Mapping[str, Holds | None] | None = None) -> Iterator[Word | Text]:
    """The name of each command, and each text that a shell is given to run.

    `functions` are those of the script: they are called by name and are no commands, but may hold some as well."""
    functions = functions or {}
    what = "command"
    while what == "command" and words and words[0].text and words[0].is_known:
        name, words = words[0], words[1:]
        if name.text in functions:
            what, words = _held(functions[name.text], words)
            continue
        name = _by_name(name)
        if "/" in name.text:
            return
        yield name
        what, words = _held_by(name.text, words)
    if what == "text" and words and words[0].text.strip(" -"):
        yield Text(words[0])
    if what == "names":
        yield from (word for word in words if word.is_known and "/" not in word.text)


def _by_name(head: Word) -> Word:
    """`/bin/bash` is Debian's, and called by its name; another path is a program of the tree."""
    folder, _, name = head.text.rpartition("/")
    return Word(name, head.file, head.line) if folder in BINARY_FOLDERS else head


def _held_by(name: str, words: Sequence[Word]) -> tuple[str, Sequence[Word]]:
    """What the arguments of a command contain, and where that begins."""
    if name in SHELLS:
        return "text", _behind(SHELL_TEXT, words)
    if name == "find":
        return "command", _behind(FIND_RUNS, words)
    return _held(HOLDERS.get(name), words)


def _behind(options: Sequence[str], words: Sequence[Word]) -> Sequence[Word]:
    place = next((place for place, word in enumerate(words) if word.text in options), len(words))
    return words[place + 1:]


def _held(holds: Holds | None, words: Sequence[Word]) -> tuple[str, Sequence[Word]]:
    """Without the options, the assignments that env takes, and the words that are to be skipped."""
    if holds is None:
        return "", ()
    place, skipped = 0, 0
    while place < len(words):
        text = words[place].text
        if text.startswith("-") and len(text) > 1:
            place += 2 if text in holds.takes_value else 1
        elif holds.what == "command" and re.match(r"\w+=", text):
            place += 1
        elif skipped < holds.skip:
            place, skipped = place + 1, skipped + 1
        else:
            break
    return holds.what, words[place:]
