#!/usr/bin/env python3
"""Part of `make lint`: everything that the sources include, link or call is installed by some group of setup.sh.

A developer's machine has more than a fresh one. A header or a command that happens to be there is used without a probe in
setup.sh, and `make run` fails on every other machine. So this reads what the sources need, from three places:

    #include <…> of every C++ file      CLI/CLI.hpp    have_header CLI/CLI.hpp
    find_package() and the like         CLI11          a comment behind a probe: # cmake: CLI11
    commands of scripts                 cmake          have cmake, or a comment: # commands: ar nm

The right column is what setup.sh must have in one of its probe_… functions. A comment names what a package brings besides
the thing that is probed; its keys are commands, headers, cmake and library. No probe is needed for what is ours, for the
C and C++ libraries, for the commands of every Debian (debian-required.txt), and for git and make, which README.md asks for.

What is named in a source, but not used on a Debian that has everything else, goes into prerequisites.allow with the reason.
An entry that allows nothing any more is a finding too. It is not checked that a door of the Makefile asks for the right
group, only that there is one.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from command_scan import in_makefile, in_python, in_shell
from command_scan.words import Word
from treadle_tools import cli

ROOT = Path(__file__).resolve().parents[2]
SETUP, ALLOW = "common/tools/setup.sh", "common/tools/prerequisites.allow"
REQUIRED = Path(__file__).with_name("debian-required.txt")
PLACES = ("chapters", "common", "tests", "book", ".ci")

README_ASKS_FOR = ("git", "make")
LIBRARY_FOLDERS = ("arpa", "asm", "linux", "net", "netinet", "sys")
LIBRARY_HEADERS = tuple(f"{name}.h" for name in """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdbool stddef
    stdint stdio stdlib string time uchar wchar wctype
    dirent dlfcn execinfo fcntl ifaddrs netdb poll pthread pty pwd sched semaphore spawn syslog termios ucontext unistd
    """.split())
OWN_PACKAGES = ("treadle", "Threads")  # the second comes with CMake, and asks for nothing but the compiler

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE)
CMAKE_TEXT_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|#\[(=*)\[.*?\]\1\]|#[^\n]*', re.DOTALL)
CMAKE_FIND = re.compile(r"\b(find_(?:package|dependency|library|path|program))\s*\(([^)]*)\)")
CMAKE_KINDS = {"find_package": "cmake", "find_dependency": "cmake", "find_library": "library", "find_path": "headers",
               "find_program": "commands"}
CMAKE_KEYWORD = re.compile(r"HINTS|PATHS|PATH_SUFFIXES|DOC|REQUIRED|NO_\w+|NAMES_PER_DIR|ENV|VALIDATOR")
PROBES = {"have": "commands", "have_header": "headers"}
BRINGS = re.compile(r"\b(commands|headers|cmake|library):([^;\n]*)")
SENTENCES = {
    "commands": ("`{}`", "{} is called, and no group of setup.sh installs it"),
    "headers": ("<{}>", "{} is included, and no group of setup.sh installs it"),
    "cmake": ("{}", "CMake looks for the package {}, and no group of setup.sh installs it"),
    "library": ("{}", "CMake looks for the library {}, and no group of setup.sh installs it"),
}


@dataclass(frozen=True)
class Need:
    """A line of a source that needs one of these names; the kind is a key of SENTENCES."""

    kind: str
    names: tuple[str, ...]
    file: str
    line: int

    def __str__(self) -> str:
        name, sentence = SENTENCES[self.kind]
        return f"{self.file}:{self.line}: {sentence.format(' or '.join(map(name.format, self.names)))}"


@dataclass(frozen=True)
class Allowed:
    """An exception: what setup.sh need not install for these files. File and name may be patterns."""

    file: str
    name: str
    reason: str
    line: int

    def excuses(self, need: Need) -> bool:
        return fnmatch(need.file, self.file) and all(fnmatch(name, self.name) for name in need.names)


def files(root: Path, *suffixes: str) -> Iterator[Path]:
    """The files of the tree with one of these suffixes, or all."""
    for place in PLACES:
        for path in sorted((root / place).rglob("*")):
            if path.is_file() and "node_modules" not in path.parts and (not suffixes or path.name.endswith(suffixes)):
                yield path


# --- What setup.sh installs ---


def installed(root: Path) -> dict[str, set[str]]:
    """What the groups of setup.sh probe, and what the comments behind their probes say the packages bring besides."""
    setup = in_shell.Script((root / SETUP).read_text(), SETUP)
    found = {kind: set[str]() for kind in SENTENCES}
    waiting = [f"probe_{group}" for value in setup.variables().get("groups", []) for group in value.split()]
    seen = set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen and name in setup.functions:
            seen.add(name)
            calls = setup.calls_in(name)
            waiting += [words[0] for words in calls if words[0].startswith("probe_")]
            for words in calls:
                found.get(PROBES.get(words[0], ""), set()).update(words[1:2])
            for kind, names in BRINGS.findall("\n".join(setup.comments_in(name))):
                found[kind].update(names.split())
    return found


@cache
def commands_of_every_debian() -> frozenset[str]:
    lines = [line for line in REQUIRED.read_text().splitlines() if not line.startswith("#")]
    return frozenset(word for line in lines for word in line.split() if not word.endswith(":"))


# --- What the sources need ---


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def included(root: Path) -> Iterator[Need]:
    """Headers that are neither ours nor of the C and C++ libraries."""
    sources = list(files(root, ".hpp", ".h", ".cpp"))
    own = {"/".join(path.parts[-count:]) for path in sources for count in range(1, len(path.relative_to(root).parts))}
    for path in sources:
        text = path.read_text(errors="replace")
        for match in INCLUDE.finditer(text):
            name = match[1].strip()
            if name not in own and not _is_of_the_libraries(name):
                yield Need("headers", (name,), path.relative_to(root).as_posix(), _line(text, match.start(1)))


def _is_of_the_libraries(header: str) -> bool:
    folder, slash, _ = header.partition("/")
    return folder in LIBRARY_FOLDERS if slash else "." not in header or header in LIBRARY_HEADERS


def found_by_cmake(root: Path) -> Iterator[Need]:
    """Packages, libraries, headers and programs that CMake is told to find. A package that is written into a file which
    CMake makes counts as well: it is looked for when a stage that was installed is used."""
    for path in (*files(root, "CMakeLists.txt", ".cmake"), *root.glob("CMakeLists.txt")):
        text = CMAKE_TEXT_OR_COMMENT.sub(_blank_if_comment, path.read_text())
        for match in CMAKE_FIND.finditer(text):
            kind = CMAKE_KINDS[match[1]]
            names = _names_to_find(kind, match[2].split())
            if names and not set(names) & set(OWN_PACKAGES):
                yield Need(kind, names, path.relative_to(root).as_posix(), _line(text, match.start()))


def _blank_if_comment(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0]) if match[0].startswith("#") else match[0]


def _names_to_find(kind: str, words: Sequence[str]) -> tuple[str, ...]:
    """find_package(NAME …), find_library(VARIABLE NAMES name… PATHS …): any one of the names will do."""
    if kind == "cmake":
        return tuple(words[:1])
    names = [word for word in words[1:] if word != "NAMES"]
    end = next((place for place, word in enumerate(names) if CMAKE_KEYWORD.fullmatch(word)), len(names))
    return tuple(word.strip('"') for word in names[:end])


def called(root: Path) -> Iterator[Need]:
    """Commands of the scripts, the tours, the Makefile and the Python programs."""
    every = list(files(root))
    makefiles = [path for path in (root / "Makefile",) if path.is_file()]
    words: list[Word] = [word for path in every if in_shell.is_shell(path) for word in in_shell.called(path, root)]
    words += [word for path in every if path.name == "tour.txt" for word in in_shell.called_in_tour(path, root)]
    words += [word for path in makefiles for word in in_makefile.called(path, root)]
    words += in_python.called([path for path in every if in_python.is_python(path)], root)
    programs = {path.stem for path in root.glob("chapters/*/examples/*.cpp")}
    given = commands_of_every_debian() | programs | set(README_ASKS_FOR)
    for word in dict.fromkeys(words):
        if word.text not in given:
            yield Need("commands", (word.text,), word.file, word.line)


# --- What is missing ---


def read_allowed(root: Path) -> list[Allowed]:
    found = []
    text = (root / ALLOW).read_text() if (root / ALLOW).exists() else ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{ALLOW}:{number}: write `file | name | reason`")
        found.append(Allowed(*parts, number))
    return found


def is_installed(need: Need, known: dict[str, set[str]]) -> bool:
    """A package brings a whole folder of headers: for <fmt/format.h> it is enough that fmt/core.h is probed."""
    if need.kind != "headers":
        return any(name in known[need.kind] for name in need.names)
    folders = {header.partition("/")[0] for header in known["headers"]}
    return any(name in known["headers"] or ("/" in name and name.partition("/")[0] in folders) for name in need.names)


def missing(root: Path) -> list[Need]:
    """Every need that no group of setup.sh installs, the allowed ones as well."""
    known = installed(root)
    return [need for look in (included, found_by_cmake, called) for need in look(root) if not is_installed(need, known)]


def findings(root: Path = ROOT) -> list[str]:
    """One line `file:line: sentence` for each need that is neither installed nor allowed, and for each entry of the
    allow list that allows nothing."""
    try:
        needs, allowed = missing(root), read_allowed(root)
    except in_shell.Unreadable as error:  # what else there is to find is found after it has been corrected
        return [str(error)]
    used = {entry for entry in allowed for need in needs if entry.excuses(need)}
    found = [str(need) for need in needs if not any(entry.excuses(need) for entry in allowed)]
    return found + [f"{ALLOW}:{entry.line}: `{entry.file} | {entry.name}` allows nothing any more; delete it"
                    for entry in allowed if entry not in used]


def main(argv: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(description="What the sources need and no group of setup.sh installs.").parse_args(argv)
    try:
        found = findings()
    except (ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print("".join(f"{line}\n" for line in found), end="")
    print(f"{len(found)} finding{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    cli.run(main)
