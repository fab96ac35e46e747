#!/usr/bin/env python3
"""`make lint`: clang-tidy, the coroutine shapes that g++ 12 miscompiles, and the syntax of our scripts.

g++ 12 compiles some coroutines without a word into programs that crash. Which shapes those are was measured, and
gcc12-hazards.query describes them to clang-query, which reads the syntax tree. It errs on the safe side; a false alarm
goes into gcc12-hazards.allow with its reason, and an entry that allows nothing any more is an error too.

What was found sound lies under build/lint under a key of everything it includes, so a second run is quick.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mutation.workshop import include_closure
from treadle_tools import stages

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "common/tools"
QUERY = TOOLS / "gcc12-hazards.query"
ALLOW = TOOLS / "gcc12-hazards.allow"
HIT = re.compile(r'^(.+?):(\d+):\d+: note: "root" binds here$', re.MULTILINE)


@dataclass(frozen=True)
class Unit:
    """One file to look at, and where its includes lie."""

    path: Path
    includes: tuple[Path, ...]

    @property
    def arguments(self) -> list[str]:
        kind = ["-xc++"] if self.path.suffix == ".hpp" else []
        return ["--", *kind, "-std=c++20", "-Wall", "-Wextra", *(f"-I{place}" for place in self.includes)]


@dataclass(frozen=True)
class Allowed:
    """A false alarm: file, part of the line, reason."""

    file: str
    text: str
    reason: str


def units(root: Path) -> list[Unit]:
    """Examples, exercises' solutions, tests with their kit, the stages' own sources; what is equal to the byte, once."""
    found = []
    for stage in stages.stages(root):
        places = (stage.path / "include", root / "common", stage.path / "examples")
        for pattern in ("src/*.cpp", "include/treadle/*.hpp", "examples/**/*.cpp", "exercises/*/solution.cpp"):
            found += [Unit(path, (*places, path.parent)) for path in sorted(stage.path.glob(pattern))]
    newest = stages.newest(root)
    places = (newest.path / "include", root / "common")
    for pattern in ("tests/*.cpp", "common/testing/kit/*.cpp"):
        found += [Unit(path, places) for path in sorted(root.glob(pattern))]
    return list({key_of(unit): unit for unit in reversed(found)}.values())[::-1]


def key_of(unit: Unit) -> str:
    """Everything that the findings depend on."""
    digest = hashlib.sha256(QUERY.read_bytes() + Path(ROOT / ".clang-tidy").read_bytes())
    for path in sorted(include_closure(unit.path, unit.includes), key=lambda p: p.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def read_allowed(path: Path) -> list[Allowed]:
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    parts = [[part.strip() for part in line.split(" | ")] for line in lines]
    for line, part in zip(lines, parts):
        if len(part) != 3 or not all(part):
            raise ValueError(f"{path.name}: `{line}`: write `file | text of the line | reason`")
    return [Allowed(*part) for part in parts]


def hazards(unit: Unit) -> list[int]:
    """The lines of a file that g++ 12 might miscompile."""
    done = subprocess.run(["clang-query-19", "-f", str(QUERY), str(unit.path), *unit.arguments],
                          capture_output=True, text=True)
    if re.search(r"error:", done.stderr):
        raise RuntimeError(f"{unit.path}: clang-query cannot read it:\n{done.stderr.strip()[:2000]}")
    return sorted({int(line) for name, line in HIT.findall(done.stdout) if Path(name).name == unit.path.name})


def hazard_findings(unit: Unit, allowed: Sequence[Allowed], used: set[Allowed], root: Path) -> list[str]:
    name = unit.path.relative_to(root).as_posix()
    text = unit.path.read_text().splitlines()
    found = []
    for number in hazards(unit):
        excuse = [a for a in allowed if a.file == name and a.text in text[number - 1]]
        used.update(excuse)
        if not excuse:
            found.append(f"{name}:{number}: g++ 12 may miscompile this coroutine: {text[number - 1].strip()}")
    return found


def tidy(unit: Unit, root: Path) -> list[str]:
    done = subprocess.run(["clang-tidy-19", "--quiet", f"--config-file={root / '.clang-tidy'}", str(unit.path),
                           *unit.arguments], capture_output=True, text=True, cwd=root)
    bad = [line for line in done.stdout.splitlines() if re.search(r": (warning|error): ", line)]
    return [line.replace(f"{root}/", "") for line in dict.fromkeys(bad)]


def python_findings(root: Path) -> list[str]:
    found = []
    for path in _scripts(root, "*.py"):
        try:
            compile(path.read_bytes(), str(path), "exec")
        except SyntaxError as error:
            found.append(f"{path.relative_to(root)}:{error.lineno}: {error.msg}")
    return found


def shell_findings(root: Path) -> list[str]:
    found = []
    for path in _scripts(root, "*"):
        first = path.read_bytes()[:40].split(b"\n")[0]
        match = re.match(rb"#!\s*/(?:usr/)?bin/(?:env )?(sh|bash)\b", first)
        if match:
            done = subprocess.run([match.group(1).decode(), "-n", str(path)], capture_output=True, text=True)
            found += [line.replace(f"{root}/", "") for line in done.stderr.splitlines()]
    return found


def _scripts(root: Path, pattern: str) -> Iterable[Path]:
    for place in ("chapters", "common", "book", "tests", ".ci"):
        for path in sorted((root / place).rglob(pattern)):
            if path.is_file() and "node_modules" not in path.parts:
                yield path


def look(unit: Unit, allowed: Sequence[Allowed], used: set[Allowed], store: Path) -> list[str]:
    """All findings of one unit. Allowed lines are looked up anew each time, so they are never taken from the store."""
    mark = store / key_of(unit)
    if mark.exists():
        return []
    findings = hazard_findings(unit, allowed, used, ROOT) + tidy(unit, ROOT)
    name = unit.path.relative_to(ROOT).as_posix()
    if not findings and not any(a.file == name for a in allowed):
        mark.touch()
    print(f"{'looked at' if not findings else 'FOUND in'} {name}", flush=True)
    return findings


def main() -> int:
    store = ROOT / "build/lint"
    store.mkdir(parents=True, exist_ok=True)
    try:
        allowed, used = read_allowed(ALLOW), set[Allowed]()
        everything = units(ROOT)
        with ThreadPoolExecutor(2) as pool:
            found = [f for part in pool.map(lambda unit: look(unit, allowed, used, store), everything) for f in part]
    except (ValueError, RuntimeError, stages.UnknownStage) as error:
        print(error, file=sys.stderr)
        return 1
    found += [f"{ALLOW.name}: `{a.file} | {a.text}` allows nothing any more; delete it"
              for a in allowed if a not in used]
    found += python_findings(ROOT) + shell_findings(ROOT)
    print("\n".join(["", *found]) if found else "", end="\n" if found else "")
    print(f"{len(everything)} C++ files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
