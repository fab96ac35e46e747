"""What a test or an example can see of a stage, and a key made of it.

If the key is the previous stage's, the test would be compiled from the same bytes and linked with the same definitions:
its result is the same, and it need not be built or run again. So a key must hold everything that can make a difference.
Wherever we cannot know, it holds more than needed, which costs time and never a wrong answer:

1. The file, and every file of ours that it includes, through the test kit too, whatever `#if` is around the include.
   Comments count as well: they move lines, and a test can see line numbers.
2. For each `__has_include` in these files whether the file is there.
3. Every source that defines something which one of these files declares, and all that the source includes in turn. A
   linker takes no other source from a library. What a source defines without any header declaring it counts for all who
   include what the source includes.
4. The stage's CMakeLists.txt, which sets the flags.

The compiler, the presets and the rest of the flags are the same for all stages of a run, and need not be in the key.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*(?:["<]([^">]+)[">]|(\S+))', re.MULTILINE)
_PROBE = re.compile(rb'__has_include[ \t]*\([ \t]*["<]([^">]+)[">]')
_CTAGS = ["ctags", "--options=NONE", "--language-force=C++", "--output-format=json", "--sort=no",
          "--fields=+Ksf", "--kinds-C++=+px", "--extras=-q", "-f", "-", "-L", "-"]
_DECLARING = {"prototype", "externvar", "variable", "member", "function"}
_DEFINING = {"function", "variable"}


class CannotTell(Exception):
    """A file is written so that we cannot know what it includes."""


@lru_cache(maxsize=None)
def _includes(text: bytes) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a text includes, and which files it asks for by __has_include."""
    found = _INCLUDE.findall(text)
    macros = [macro.decode() for _, macro in found if macro]
    if macros:
        raise CannotTell(f"#include {macros[0]}: write the name of the file; a macro hides it from make test")
    return tuple(name.decode() for name, _ in found), tuple(name.decode() for name in _PROBE.findall(text))


def include_closure(source: Path, places: Sequence[Path]) -> set[Path]:
    """The source and every file that it includes, as far as it is beside the includer or in one of the places."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            for name in _includes(path.read_bytes())[0]:
                waiting += [each for each in (place / name for place in (path.parent, *places)) if each.is_file()][:1]
    return found


def names(paths: Sequence[Path]) -> dict[Path, tuple[set[str], set[str]]]:
    """For each file the qualified names that it declares, and those that it defines for others to use."""
    found: dict[Path, tuple[set[str], set[str]]] = {path: (set(), set()) for path in paths}
    done = subprocess.run(_CTAGS, input="".join(f"{path}\n" for path in paths), capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("_type") != "tag":
            continue
        declared, defined = found[Path(tag["path"])]
        scope = tag.get("scope", "")
        name = f"{scope}::{tag['name']}".replace(" ", "")
        if tag["kind"] in _DECLARING:
            declared.add(name)
        if tag["kind"] in _DEFINING and "__anon" not in scope and not tag.get("file"):
            defined.add(name)
    return found


class Reach:
    """One stage, as its tests and examples see it."""

    def __init__(self, root: Path, stage: Path, kit: Sequence[Path] | None = None, more_places: Iterable[Path] = ()) -> None:
        self._root = root
        self._stage = stage
        self._places = (stage / "include", root / "common", stage / "src", *more_places)
        kit = sorted((root / "common/testing/kit").glob("*.cpp")) if kit is None else kit
        self._sources = [*sorted((stage / "src").glob("**/*.cpp")), *kit]
        self._bytes: dict[Path, bytes] = {}
        self._found: dict[Path, Path | None] = {}

    def files(self, *starts: Path) -> set[Path]:
        """All that can be reached from these files."""
        seen: set[Path] = set()
        waiting = list(starts)
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.add(path)
                waiting += self._included(path)
                waiting += self._linked_by.get(path, ())
        return seen

    def key(self, *starts: Path) -> str:
        """A digest of all that can be reached from these files."""
        digest = hashlib.sha256((self._stage / "CMakeLists.txt").read_bytes() if (self._stage / "CMakeLists.txt").exists() else b"")
        for label, path in sorted((self._label(path), path) for path in self.files(*starts)):
            digest.update(f"\0{label}\0".encode() + hashlib.sha256(self._read(path)).digest())
            for probe in _includes(self._read(path))[1]:
                digest.update(f"{probe}?{self._find(probe, path) is not None}".encode())
        return digest.hexdigest()[:32]

    def _label(self, path: Path) -> str:
        """The path of the file in its stage or in the tree: it is the same at all stages."""
        base = self._stage if path.is_relative_to(self._stage) else self._root
        return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name

    def _read(self, path: Path) -> bytes:
        if path not in self._bytes:
            self._bytes[path] = path.read_bytes()
        return self._bytes[path]

    def _included(self, path: Path) -> list[Path]:
        found = (self._find(name, path) for name in _includes(self._read(path))[0])
        return [each for each in found if each is not None]

    def _find(self, name: str, includer: Path) -> Path | None:
        beside = includer.parent / name
        if beside.is_file():
            return beside
        for place in self._places:
            path = place / name
            if path not in self._found:
                self._found[path] = path if path.is_file() else None
            if self._found[path]:
                return path
        return None

    @cached_property
    def _linked_by(self) -> dict[Path, set[Path]]:
        """For each file the sources that define something which the file declares."""
        headers = {header for source in self._sources for header in self._closure(source)} - set(self._sources)
        known = _names_by_text([*sorted(headers), *self._sources], self._read)
        linked: dict[Path, set[Path]] = {}
        for source in self._sources:
            defined = known[source][1]
            declarers = {header for header in headers if known[header][0] & defined}
            declared = {name for header in declarers for name in known[header][0]}
            if defined - declared:  # another file may declare it for itself
                declarers.update(self._included(source))
            for header in declarers:
                linked.setdefault(header, set()).add(source)
        return linked

    def _closure(self, path: Path) -> set[Path]:
        """What the file includes, and what that includes, without the sources that a linker adds."""
        return include_closure(path, self._places)


_known: dict[bytes, tuple[set[str], set[str]]] = {}


def _names_by_text(paths: Sequence[Path], read) -> dict[Path, tuple[set[str], set[str]]]:
    """names(), asked once for all copies of a text."""
    unknown = {hashlib.sha256(read(path)).digest(): path for path in paths}
    unknown = {digest: path for digest, path in unknown.items() if digest not in _known}
    found = names(list(unknown.values())) if unknown else {}
    _known.update({digest: found[path] for digest, path in unknown.items()})
    return {path: _known[hashlib.sha256(read(path)).digest()] for path in paths}
