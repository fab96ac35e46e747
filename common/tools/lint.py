#!/usr/bin/env python3
"""`make lint`: clang-tidy, the coroutine shapes that g++ 12 miscompiles, includes that are missing, the syntax of our
scripts, and whether setup.sh installs everything that the sources need (prerequisites.py).

g++ 12 compiles some coroutines without a word into programs that crash. Which shapes those are was measured, and
gcc12-hazards.query describes them to clang-query, which reads the syntax tree. It errs on the safe side; a false alarm
goes into gcc12-hazards.allow with its reason, and what clang-tidy is wrong about into clang-tidy.allow. An entry that
allows nothing any more is a finding too.

What a file uses, it or a header of ours that it includes has to include: another library's header may not bring it along in its
next version. clang-include-cleaner finds what is missing. It is clang-tidy's misc-include-cleaner as a program of its own, which takes a
third of the time, because it reads one file's declarations and finds the system's headers precompiled.

Reading the standard library and Catch2 is what takes the time. So a file that later stages have unchanged is looked at
in the newest of them only, files of a kind are read together, and what was found lies under build/lint under a key of
everything it depends on.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from fnmatch import fnmatch
from pathlib import Path

import prerequisites
from test_runner.reach import include_closure
from treadle_tools import build_folder, cli, stages

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "common/tools"
QUERY = TOOLS / "gcc12-hazards.query"
HAZARD_ALLOW = TOOLS / "gcc12-hazards.allow"
TIDY_ALLOW = TOOLS / "clang-tidy.allow"
HAZARD = "gcc12-hazard"
CONFIG, TEST_CONFIG = ROOT / ".clang-tidy", ROOT / "tests/.clang-tidy"
FLAGS = ["-std=c++20", "-Wall", "-Wextra", "-Wreserved-identifier"]
MISSING = "missing-include"
# Whose symbols may come by way of another header. Patterns of header names.
IGNORED = {
    "treadle/.*": "our own headers change together, and each says what it brings along",
    "support/.*": "the same, of the examples",
    "testing/.*": "the same, of the test kit",
    "catch2/.*": "testing/catch.hpp includes whichever Catch2 there is",
    "fmt/.*": "which header has what differs from version to version of fmt; FMT_HEADERS says what is right in all",
    "CLI/.*": "CLI/CLI.hpp is the one that its users include",
    "bits/.*": "glibc's own parts",
    "asm.*": "the kernel's parts of glibc's headers",
    "linux/.*": "the same",
}
FMT_HEADERS = {"fmt/ranges.h": re.compile(r"\bfmt::join\b"), "fmt/format.h": re.compile(r"\bfmt::(?:format|print)\b")}
# Standards declare some names in several headers, and the program knows one of them.
WILL_DO = {
    "sys/poll.h": {"poll.h"},
    "sys/types.h": {"sys/socket.h", "unistd.h"},  # ssize_t, pid_t
    "unistd.h": {"sys/socket.h"},  # socklen_t
    "stdlib.h": {"sys/wait.h"},  # WEXITSTATUS and its like
    "ratio": {"chrono"},  # std::milli, without which no duration can be written
}
INCLUDE = re.compile(r"^#include .+$", re.MULTILINE)
USING = re.compile(r"^using (?:\w+::)+(\w+);", re.MULTILINE)
SYSTEM_INCLUDE = re.compile(r"^#include <(?:[a-z_]+|fmt/\w+\.h)>$", re.MULTILINE)
HIT = re.compile(r'^(.+?):(\d+):\d+: note: "root" binds here$', re.MULTILINE)
TIDY_LINE = re.compile(r"^(/.+?):(\d+):\d+: (?:warning|error): (.*) \[([^\]]+)\]$", re.MULTILINE)
PARTS = 2  # as many as are looked at at once


@dataclass(frozen=True)
class Unit:
    """One file to look at, and where its includes lie."""

    path: Path
    includes: tuple[Path, ...]
    flags: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        kind = ["-xc++"] if self.path.suffix == ".hpp" else []
        return ["--", *kind, *FLAGS, *self.flags, *(f"-I{place}" for place in self.includes)]


@dataclass(frozen=True)
class Job:
    """Files that are read in one go, because they include the same."""

    files: tuple[Path, ...]
    includes: tuple[Path, ...]
    config: Path = CONFIG
    for_includes: bool = False  # of one file, whether it includes what it uses
    apart: bool = False  # each is a program, or a part of one, and two may have the same names

    @functools.cached_property
    def closure(self) -> set[Path]:
        return set().union(*(include_closure(path, self.includes) for path in self.files))

    @functools.cached_property
    def key(self) -> str:
        """Everything that the findings depend on."""
        digest = hashlib.sha256(" ".join([*FLAGS, str(self.for_includes)]).encode())
        files = [Path(__file__), QUERY, CONFIG, TEST_CONFIG, self.config, *self.files, *sorted(self.closure)]
        for path in files:
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:32]

    def unit(self, store: Path) -> Unit:
        """The file itself, or one that includes all of them."""
        if len(self.files) == 1:
            return Unit(self.files[0], self.includes)
        whole = store / f"{self.key}.cpp"
        whole.write_text(self._apart() if self.apart else "".join(f'#include "{path}"\n' for path in self.files))
        # A main() in a namespace is a function like others, and has to return something.
        return Unit(whole, self.includes, ("-Wno-return-type",) if self.apart else ())

    def _apart(self) -> str:
        """The headers first: read again in a namespace, they give nothing."""
        headers = sorted({line for path in self.files for line in INCLUDE.findall(path.read_text())})
        files = [f'namespace unit_{number} {{\n#include "{path}"\n}}' for number, path in enumerate(self.files)]
        return "\n".join([*headers, *files, ""])


@dataclass(frozen=True)
class Finding:
    file: str
    line: int
    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message} [{self.check}]"


@dataclass(frozen=True)
class Allowed:
    """A false alarm: file (or a pattern), check, part of the line, reason."""

    file: str
    check: str
    text: str
    reason: str

    def is_about(self, file: str) -> bool:
        return fnmatch(file, self.file)

    def excuses(self, finding: Finding, line: str) -> bool:
        return self.is_about(finding.file) and finding.check == self.check and self.text in line

    def __str__(self) -> str:
        return f"{self.file} | {self.text}"


class Newest:
    """Of files that several stages have with the same bytes, only the newest counts; every copy `everywhere`."""

    def __init__(self, root: Path, everywhere: bool = False) -> None:
        self._stages = [] if everywhere else stages.stages(root)

    def copy_of(self, path: Path) -> Path:
        own = next((stage for stage in self._stages if path.is_relative_to(stage.path)), None)
        if own is None:
            return path
        later = [stage.path / path.relative_to(own.path) for stage in self._stages[self._stages.index(own):]]
        return [copy for copy in later if copy.is_file() and copy.read_bytes() == path.read_bytes()][-1]

    def only(self, paths: Iterable[Path]) -> tuple[Path, ...]:
        return tuple(path for path in sorted(paths) if self.copy_of(path) == path)


def in_parts(paths: Sequence[Path], places: tuple[Path, ...], config: Path = CONFIG, apart: bool = False) -> list[Job]:
    """Files that may be read together; sources and tests of one stage keep their names apart themselves."""
    return [Job(tuple(paths[part::PARTS]), places, config, apart=apart) for part in range(PARTS)]


def jobs(root: Path, everywhere: bool = False) -> list[Job]:
    """The stages' headers and sources, examples, exercises' solutions, the tests and their kit; the longest first."""
    newest, common = Newest(root, everywhere), root / "common"
    found = []
    for stage in stages.stages(root):
        places = (stage.path / "include", common, stage.path / "examples")
        found.append(Job(newest.only(stage.path.glob("include/treadle/*.hpp")), places))
        found += in_parts(newest.only(stage.path.glob("src/*.cpp")), places)
        found += in_parts(newest.only(stage.path.glob("examples/support/*.cpp")), places)
        for pattern in ("examples/*.cpp", "exercises/*/solution.cpp"):
            programs = newest.only(stage.path.glob(pattern))
            found += in_parts(programs, (*places, *sorted({path.parent for path in programs})), apart=True)
    places = (stages.newest(root).path / "include", common)
    found += [Job((path,), places) for path in sorted(root.glob("common/testing/kit/*.cpp"))]
    found += in_parts(sorted(root.glob("tests/*.cpp")), places, TEST_CONFIG)
    found += [Job((path,), job.includes, job.config, True) for job in found for path in job.files]
    return sorted((job for job in found if job.files), key=lambda job: -sum(p.stat().st_size for p in job.closure))


def read_allowed(path: Path, columns: int) -> list[Allowed]:
    """Three columns for the hazards, four for clang-tidy, which has many checks."""
    form = "file | text of the line | reason" if columns == 3 else "file | check | text of the line | reason"
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    found = []
    for line in lines:
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != columns or not all(parts):
            raise ValueError(f"{path.name}: `{line}`: write `{form}`")
        file, *check, text, reason = parts
        found.append(Allowed(file, check[0] if check else HAZARD, text, reason))
    return found


def hits(unit: Unit) -> list[tuple[Path, int]]:
    """The lines that g++ 12 might miscompile, in the file and in what it includes of ours."""
    done = subprocess.run(["clang-query-19", "-f", str(QUERY), str(unit.path), *unit.arguments],
                          capture_output=True, text=True)
    if re.search(r"error:", done.stderr):
        raise RuntimeError(f"{unit.path}: clang-query cannot read it:\n{done.stderr.strip()[:2000]}")
    return sorted({(Path(name).resolve(), int(line)) for name, line in HIT.findall(done.stdout)})


def hazards(unit: Unit) -> list[int]:
    """The lines of the file itself that g++ 12 might miscompile."""
    return [line for path, line in hits(unit) if path == unit.path.resolve()]


def tidy(unit: Unit, config: Path) -> list[tuple[Path, int, str, str]]:
    # A configuration finds its parent by way of the file that is looked at, which may lie in a build folder elsewhere.
    checks = "" if config == CONFIG else "".join(config.read_text().split("Checks: >")[1].split())
    done = subprocess.run(["clang-tidy-19", "--quiet", f"--config-file={CONFIG}", f"--checks={checks}", str(unit.path),
                           *unit.arguments], capture_output=True, text=True)
    if "Error: no checks enabled" in done.stderr:
        raise RuntimeError(f"{unit.path}: clang-tidy finds no checks in {config}")
    return [(Path(name).resolve(), int(line), check, message)
            for name, line, message, check in TIDY_LINE.findall(done.stdout)]


def stand_alone(job: Job, root: Path) -> list[Finding]:
    """Read together, a header that lacks an include would hide behind its neighbours."""
    headers = [str(path) for path in job.files if path.suffix == ".hpp"]
    if not headers:
        return []
    done = subprocess.run(["clang++-19", "-fsyntax-only", "-std=c++20", "-w", *(f"-I{place}" for place in job.includes),
                           "-xc++", *headers], capture_output=True, text=True)
    errors = re.findall(r"^(/.+?):(\d+):\d+: (?:fatal )?error: (.*)$", done.stderr, re.MULTILINE)
    return [Finding(_name(Path(name), root), int(line), "stands-alone", message) for name, line, message in errors]


def precompiled(root: Path, store: Path) -> Path:
    """The headers of C++ and of fmt that the tree includes."""
    texts = (path.read_text() for place in ("chapters", "tests", "common/testing") for path in (root / place).rglob("*.[hc]pp"))
    header = "".join(f"{line}\n" for line in sorted({line for text in texts for line in SYSTEM_INCLUDE.findall(text)}))
    made = store / f"{hashlib.sha256(header.encode()).hexdigest()[:32]}.pch"
    if not made.exists():
        subprocess.run(["clang++-19", *FLAGS, "-xc++-header", "-", "-o", str(made)], input=header, text=True, check=True)
    return made


def missing_includes(job: Job, headers: Path, root: Path) -> list[Finding]:
    """What the file uses, and neither it nor a header of ours includes."""
    (path,) = job.files
    command = ["clang-include-cleaner-19", "--print=changes", "--remove=0", f"--ignore-headers={','.join(IGNORED)}", str(path),
               "--", "-xc++", "-include-pch", str(headers), *FLAGS, *(f"-I{place}" for place in job.includes)]
    done = subprocess.run(command, capture_output=True, text=True)
    if "error:" in done.stderr:
        raise RuntimeError(f"{path}: clang-include-cleaner cannot read it:\n{done.stderr.strip()[:2000]}")
    text = path.read_text()
    included = {name for each in job.closure for name in re.findall(r"^#include <(.+)>", each.read_text(), re.MULTILINE)}
    wanted = re.findall(r"^\+ [<\"](.+?)[>\"]", done.stdout, re.MULTILINE)
    wanted += [name for name, use in FMT_HEADERS.items() if use.search(text)]
    return [Finding(_name(path, root), 1, MISSING, f"it uses what <{name}> declares, and does not include it")
            for name in dict.fromkeys(wanted) if not included.intersection({name, *WILL_DO.get(name, ())})]


def look(job: Job, store: Path, root: Path) -> list[Finding]:
    """All that there is to say of a job's files, before anything is excused; from the store if it is there."""
    answer = store / f"{job.key}.json"
    if answer.exists():
        return [Finding(*values) for values in json.loads(answer.read_text())]
    found = missing_includes(job, precompiled(root, store), root) if job.for_includes else inspect(job, store, root)
    answer.write_text(json.dumps([astuple(finding) for finding in dict.fromkeys(found)]))
    if not job.for_includes:
        print(f"looked at {_name(job.files[0], root)}" + (f" and {len(job.files) - 1} more" if job.files[1:] else ""), flush=True)
    return found


def inspect(job: Job, store: Path, root: Path) -> list[Finding]:
    """What clang-query and clang-tidy say of the job's files, and whether its headers stand alone."""
    unit, newest = job.unit(store), Newest(root)
    raw = [(path, line, HAZARD, "g++ 12 may miscompile this coroutine") for path, line in hits(unit)]
    raw += tidy(unit, job.config)
    found = [Finding(_name(newest.copy_of(path), root), line, check, message) for path, line, check, message in raw
             if path.is_relative_to(root) and not path.is_relative_to(store)]
    return found + stand_alone(job, root)


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def judge(findings: Iterable[Finding], allowed: Sequence[Allowed], root: Path, strict: bool = True) -> list[str]:
    """What is left when the excused is taken away, and where it is `strict` the excuses that excuse nothing."""
    used, left = set[Allowed](), []
    for finding in dict.fromkeys(findings):
        line = (root / finding.file).read_text().splitlines()[finding.line - 1]
        excuses = [entry for entry in allowed if entry.excuses(finding, line)]
        used.update(excuses)
        if not excuses:
            left.append(f"{finding}\n    {line.strip()}")
    return left + [f"`{entry}` allows nothing any more; delete it from the .allow file"
                   for entry in allowed if strict and entry not in used]


def unused_names(files: Iterable[Path], root: Path) -> list[str]:
    """Names that a source brings into scope and never says. misc-unused-using-decls sees no file that is read with others."""
    found = []
    for path in (each for each in files if each.suffix == ".cpp"):
        text = path.read_text()
        for match in USING.finditer(text):
            if len(re.findall(rf"\b{match.group(1)}\b", text)) == 1:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{_name(path, root)}:{line}: `{match.group()}` is not used")
    return found


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


def sweep(store: Path, todo: Sequence[Job], root: Path) -> None:
    """What no longer belongs to anything is thrown away."""
    keys = {job.key for job in todo} | {precompiled(root, store).stem}
    for path in store.iterdir():
        if path.stem not in keys:
            path.unlink()


def look_at_all(todo: Sequence[Job], store: Path, root: Path) -> list[Finding]:
    precompiled(root, store)
    with ThreadPoolExecutor(2) as pool:
        return [finding for part in pool.map(lambda job: look(job, store, root), todo) for finding in part]


def whole_tree(store: Path, allowed: Sequence[Allowed], root: Path) -> tuple[int, list[str]]:
    """How many C++ files there are, and what there is to say of all that is ours."""
    todo = jobs(root)
    sweep(store, todo, root)
    found = judge(look_at_all(todo, store, root), allowed, root)
    found += unused_names(dict.fromkeys(path for job in todo for path in job.files), root)
    found += python_findings(root) + shell_findings(root) + prerequisites.findings(root)
    return sum(len(job.files) for job in todo if not job.for_includes), found


def only(names: Sequence[str], root: Path) -> list[Job]:
    """A job for each of these C++ files, as they stand in their stage."""
    known = jobs(root, everywhere=True)
    found = []
    for name in names:
        path = Path(name).resolve()
        home = next((job for job in known if path in job.files), None)
        if home is None:
            raise ValueError(f"{name} is no C++ file that lint looks at: headers, sources and examples of a stage, solutions "
                             "of exercises, tests, the test kit")
        found += [Job((path,), home.includes, home.config, for_includes) for for_includes in (False, True)]
    return found


def some_files(names: Sequence[str], store: Path, allowed: Sequence[Allowed], root: Path) -> tuple[int, list[str]]:
    """The same of the named files alone; an excuse for another file is not missed."""
    newest = Newest(root)
    files = {_name(newest.copy_of(Path(name).resolve()), root) for name in names}
    findings = [finding for finding in look_at_all(only(names, root), store, root) if finding.file in files]
    excused = [entry for entry in allowed if any(map(entry.is_about, files))]
    return len(files), judge(findings, excused, root, strict=False) + unused_names((root / name for name in files), root)


def parse_options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="clang-tidy, the shapes that g++ 12 miscompiles, the scripts' syntax.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="C++ files to look at, instead of the whole tree")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options, store = parse_options(argv), build_folder.of(ROOT) / "lint"
    store.mkdir(parents=True, exist_ok=True)
    with build_folder.locked("lint"):
        return report(options, store)


def report(options: argparse.Namespace, store: Path) -> int:
    """Look, and print what was found; the exit status."""
    try:
        allowed = read_allowed(HAZARD_ALLOW, 3) + read_allowed(TIDY_ALLOW, 4)
        if options.files:
            count, found = some_files(options.files, store, allowed, ROOT)
        else:
            count, found = whole_tree(store, allowed, ROOT)
    except (ValueError, RuntimeError, stages.UnknownStage) as error:
        print(error, file=sys.stderr)
        return 1
    print("".join(f"{line}\n" for line in found), end="")
    print(f"{count} C++ file{'' if count == 1 else 's'}, {len(found)} finding{'' if len(found) == 1 else 's'}")
    return 1 if found else 0


if __name__ == "__main__":
    cli.run(main)
